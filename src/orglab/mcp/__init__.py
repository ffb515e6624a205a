"""The server of the Model Context Protocol, `orglab mcp`: a tool for each of some methods of `Log`.

`server` reads requests and answers them one after the other, `session` knows the versions of the protocol, `tools` has
the tools, and `bounds` keeps each answer short.
"""
