"""A client of a language server, as editors are one: messages of JSON over its standard streams."""
import json
import subprocess


class LanguageServer:
    def __init__(self, command):
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        self.number = 0
        self.ask("initialize", processId=None, rootUri=None, capabilities={})
        self.tell("initialized")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def tell(self, method, **parameters):
        self._send({"method": method, "params": parameters})

    def ask(self, method, **parameters):
        """The result of a request; what the server says unasked meanwhile is dropped."""
        self.number += 1
        self._send({"id": self.number, "method": method, "params": parameters})
        return self._receive(lambda message: message.get("id") == self.number)["result"]

    def open(self, uri, text):
        """What is wrong with a document: (line, column, words) of each diagnostic, counted from 1."""
        self.tell("textDocument/didOpen", textDocument={"uri": uri, "languageId": "mlir", "version": 1, "text": text})
        said = self._receive(lambda message: message.get("method") == "textDocument/publishDiagnostics")["params"]
        return [(found["range"]["start"]["line"] + 1, found["range"]["start"]["character"] + 1, found["message"])
                for found in said["diagnostics"]]

    def at(self, what, uri, line, column, **more):
        """textDocument/`what` at a place, counted from 1."""
        return self.ask("textDocument/" + what, textDocument={"uri": uri},
                        position={"line": line - 1, "character": column - 1}, **more)

    def end(self):
        """The exit status after a parting as it should be."""
        self.ask("shutdown")
        self.tell("exit")
        return self.process.wait(timeout=10)

    def _send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def _receive(self, wanted):
        while True:
            length = 0
            while line := self.process.stdout.readline().strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            if not length:
                raise OSError("the language server has ended")
            message = json.loads(self.process.stdout.read(length))
            if wanted(message):
                return message
