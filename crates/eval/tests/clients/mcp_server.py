"""An MCP server of the Python SDK. Its tool counts letters, and says what it was asked by."""

import socket
import sys

from mcp.server import MCPServer

server = MCPServer("letters")


@server.tool()
def count_letters(text: str, letter: str) -> str:
    """Counts a letter in a text."""
    return f"{text.count(letter)} times {letter}"


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    print(port, flush=True)
    server.run(transport=sys.argv[1], host="127.0.0.1", port=port)
