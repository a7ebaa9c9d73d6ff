"""
The desks: server-rendered pages for the people who ask, answer, watch and keep the gateway running.

Three applications under three host names, each with sessions of its own. Read ``door`` (what stands before every page),
then ``visit`` (one request), then the pages of one desk.

Rule 1: a page is a frozen read model and a template. What a role may see is decided before the template is reached.
Rule 2: every list is a GET with its state in the URL; every act a POST that a page with its effect came before.
Rule 3: no identity stands in a URL, a title, a list, a notice or a log line; a reference does.
"""
