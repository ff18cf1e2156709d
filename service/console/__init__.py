"""The support console at /support: server-rendered pages for signed-in staff.

`pages/` holds the pages, one module for each subject; `routes.py` lists them; `frame.py` says what a page declares;
`guard.py` is what stands before every page; `templates/console/` and `static/` are what people see.
"""
