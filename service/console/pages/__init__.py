"""One module for each subject: views, then the pages that declare them; listed in `service/console/routes.py`."""
