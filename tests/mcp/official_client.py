"""A program for the official client, of version 1 or 2: it starts the server, asks what it reads, and prints the answers.

    python official_client.py MODE COMMAND... < questions.json

MODE is `auto` or `legacy`, which only version 2 tells apart. A question is a list: the name of a method of the session
and its arguments. The answers are printed as one JSON document; an error is its message.
"""

import asyncio
import json
import os
import sys

from mcp import StdioServerParameters, stdio_client

try:
    from mcp_types import ResourceTemplateReference

    from mcp import Client
except ImportError:  # version 1, which has only a session
    from mcp.types import ResourceTemplateReference

    from mcp import ClientSession

    Client = None


def as_json(answer):
    """Return what the client has understood of an answer."""
    return answer.model_dump(mode="json", by_alias=True, exclude_none=True)


async def ask(session, questions):
    """Return the answers to all questions."""
    answers = []
    for name, *arguments in questions:
        if name == "complete":
            arguments[0] = ResourceTemplateReference(type="ref/resource", uri=arguments[0])
        try:
            answers.append(as_json(await getattr(session, name)(*arguments)))
        except Exception as error:  # noqa: BLE001 - the test looks at it
            answers.append({"error": str(error)})
    return answers


async def talk(mode, command, questions):
    """Return the version that was agreed on, what the server calls itself, its capabilities, and all answers."""
    server = StdioServerParameters(command=command[0], args=command[1:], env={**os.environ})
    if Client is None:
        return await talk_in_version_1(server, questions)
    async with Client(stdio_client(server), mode=mode) as client:
        about = [client.protocol_version, as_json(client.server_info), as_json(client.server_capabilities)]
        return [*about, await ask(client, questions)]


async def talk_in_version_1(server, questions):
    """Do the same with version 1."""
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        begun = await session.initialize()
        about = [begun.protocolVersion, as_json(begun.serverInfo), as_json(begun.capabilities)]
        return [*about, await ask(session, questions)]


if __name__ == "__main__":
    json.dump(asyncio.run(talk(sys.argv[1], sys.argv[2:], json.load(sys.stdin))), sys.stdout)
