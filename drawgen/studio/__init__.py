"""The studio: a local page over the same job functions as the command line.

The server process imports neither torch nor anything that does. Long work runs in processes of `worker`, one at a time
(`job_queue`); short work in warm processes of `answering` (`processes`). A job is a folder. What a tab can do stands in its file in
`tabs/`; what it looks like, in `page/NAME.html` and `page/NAME.js`.
"""
