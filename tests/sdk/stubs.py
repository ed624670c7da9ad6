"""A model server in a state that a real one cannot be held in."""

import http.server
import pathlib
import threading

RECORDING = pathlib.Path(__file__).resolve().parents[1] / "fixtures/recordings/xllamacpp-loading/chat_503.res.txt"


class LoadingServer:
    """Answers every POST as llama.cpp does while it loads a model, byte for byte as recorded."""

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Loading)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class _Loading(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.wfile.write(RECORDING.read_bytes())
        self.close_connection = True

    def log_message(self, *_):
        pass
