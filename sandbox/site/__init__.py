"""A small newspaper that calls the service exactly as a publisher's server would, through `newsstand_client`."""
