"""A wire with a tap: passes bytes between the gateway and a model server, and keeps what passed."""

import http.client
import io
import socket
import threading


class Tap:
    """Listens at `address` and forwards every connection to `server`. Both directions are kept per connection."""

    def __init__(self, server):
        host, port = server.removeprefix("http://").split(":")
        self.server = (host, int(port))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "http://127.0.0.1:{}".format(self.listener.getsockname()[1])
        self.lock = threading.Lock()
        self.wires = []
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for wire in self._wires():
            wire.close()

    def find(self, marker):
        """The one exchange whose request body has `marker` in it: what the model server was asked, and what it
        answered."""
        found = [pair for wire in self._wires() for pair in wire.exchanges() if marker in pair[0].body]
        assert len(found) == 1, f"{len(found)} requests with {marker!r} reached the model server"
        return found[0]

    def _wires(self):
        with self.lock:
            return list(self.wires)

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            wire = Wire(client, socket.create_connection(self.server))
            with self.lock:
                self.wires.append(wire)
            # Only now: an exchange may be over before this thread runs again.
            wire.start()


class Wire:
    """One connection, tapped."""

    def __init__(self, client, server):
        self.ends = (client, server)
        for end in self.ends:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.asked, self.answered = bytearray(), bytearray()

    def start(self):
        client, server = self.ends
        for source, sink, kept in ((client, server, self.asked), (server, client, self.answered)):
            threading.Thread(target=self._pass, args=(source, sink, kept), daemon=True).start()

    def close(self):
        for end in self.ends:
            end.close()

    def exchanges(self):
        """All requests of this connection with their answers, those that are there to their end."""
        asked, answered = io.BytesIO(bytes(self.asked)), io.BytesIO(bytes(self.answered))
        pairs = []
        while (request := read_request(asked)) and (answer := read_answer(answered)):
            pairs.append((request, answer))
        return pairs

    def _pass(self, source, sink, kept):
        # One side that ends ends the other: that is how a model server learns that its client left.
        try:
            while data := source.recv(65536):
                kept.extend(data)
                sink.sendall(data)
        except OSError:
            pass
        for end in self.ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Message:
    """A request or an answer: its first line, its headers, and its body without the framing of HTTP."""

    def __init__(self, start, headers, body):
        self.start = start
        self.headers = headers
        self.body = body


def read_request(stream):
    start = stream.readline()
    if not start:
        return None
    headers = http.client.parse_headers(stream)
    body = stream.read(int(headers.get("content-length", 0)))
    return Message(start, headers, body)


def read_answer(stream):
    """http.client reads it, which knows chunks and lengths."""
    if stream.tell() == len(stream.getbuffer()):
        return None
    answer = http.client.HTTPResponse(_Recorded(stream))
    answer.begin()
    body = answer.read()
    return Message(answer.status, answer.headers, body)


class _Recorded:
    """What http.client wants of a socket."""

    def __init__(self, stream):
        self.stream = stream

    def makefile(self, *_):
        return _Open(self.stream)


class _Open(io.RawIOBase):
    """The same stream, not closed with the answer that was read from it: the next follows."""

    def __init__(self, stream):
        self.stream = stream

    def readable(self):
        return True

    def read(self, size=-1):
        return self.stream.read(size)

    def readline(self, size=-1):
        return self.stream.readline(size)

    def readinto(self, buffer):
        return self.stream.readinto(buffer)
