"""The attackers, as processes of their own: `hostile.py ROLE PORT TOKEN [CALL]`. Each goes on until it is ended."""

import asyncio
import sys
import urllib.parse

HEADERS = "Host: localhost\r\nAuthorization: Bearer {token}\r\n"
UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
SEARCHES = ["a* " * 150, "a* b* c* d*", "n* be", "thank be in an co"]


async def head_of(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    return int(head.split()[1]), head.decode("latin1").lower()


class Attack:
    def __init__(self, port, token, call):
        self.port, self.call = port, call
        self.headers = HEADERS.format(token=token)

    async def open(self, path, more="", method="GET"):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"{method} {path} HTTP/1.1\r\n{self.headers}{more}\r\n".encode())
        return reader, writer

    async def again(self, one, pause):
        """Does it for ever, whatever becomes of it."""
        while True:
            try:
                await asyncio.wait_for(one(), 600)
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
                pass
            await asyncio.sleep(pause)

    async def search(self, number=0):
        query = urllib.parse.quote(SEARCHES[number % len(SEARCHES)].strip())
        more = "&agent=nobody" if number % 2 else ""
        reader, writer = await self.open(f"/api/v1/search?q={query}{more}")
        try:
            await head_of(reader)
        finally:
            writer.close()

    async def frame(self):
        """15 MB of one frame whose end does not come."""
        reader, writer = await self.open("/ws/events", UPGRADE)
        try:
            if (await head_of(reader))[0] == 101:
                writer.write(b"\x81\xff" + (15_000_000).to_bytes(8, "big") + b"\0\0\0\0")
                for _ in range(14):
                    writer.write(b"a" * 1_000_000)
                    await writer.drain()
                await reader.read()
        finally:
            writer.close()

    async def untaken(self, path):
        reader, writer = await self.open(path)
        try:
            await head_of(reader)
            await asyncio.sleep(60)
        finally:
            writer.close()

    async def socket(self):
        reader, writer = await self.open("/ws/events", UPGRADE)
        try:
            if (await head_of(reader))[0] == 101:
                while await reader.read(65536):
                    pass
        finally:
            writer.close()

    async def silent(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            await reader.read()
        finally:
            writer.close()

    async def endless_head(self):
        more = "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 400000000\r\n"
        reader, writer = await self.open("/upload", more, "POST")
        try:
            writer.write(b"--b\r\nX-Long: ")
            for _ in range(6100):
                writer.write(b"a" * 65536)
                await writer.drain()
            await head_of(reader)
        finally:
            writer.close()


async def main(role, port, token, call):
    attack = Attack(int(port), token, call)
    sound = f"/api/realtime/calls/{call}/audio?fallback=1"
    last = f"/api/v1/calls/{call}/live?seconds=300"
    doing = {
        "searches": [(lambda n=n: attack.search(n), 0.1) for n in range(30)],
        "frames": [(attack.frame, 1)] * 98,
        "sound": [(lambda: attack.untaken(sound), 1)] * 30 + [(lambda: attack.untaken(last), 1)] * 95,
        "sockets": [(attack.socket, 1)] * 512,
        "silent": [(attack.silent, 0.5)] * 600,
        "upload": [(attack.endless_head, 1)],
    }[role]
    await asyncio.gather(*(attack.again(one, pause) for one, pause in doing))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
