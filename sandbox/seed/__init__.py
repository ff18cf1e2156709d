"""A believable past for the sandbox: hundreds of readers, by the ways that readers, banks and staff have."""
