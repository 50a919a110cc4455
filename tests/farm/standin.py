"""A stand-in for the site that the event daemon polls: EventLogEntries by their ids, over HTTP on loopback."""
import http.server
import json
import threading


class Site:
    """Has the events 1 to ``newest`` as ``event(id)`` makes them. Events appear as ``newest`` grows."""

    def __init__(self, event):
        self._event = event
        self.newest = 0
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body = json.dumps({"results": site.answer(request)}, default=lambda value: value.strftime("%Y-%m-%dT%H:%M:%SZ"))
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = "http://127.0.0.1:%d" % self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, request):
        if request["method_name"] == "info":
            return {"version": [8, 0, 0], "s3_uploads_enabled": False}
        asked = request["params"][1]
        count = asked["paging"]["entities_per_page"]
        above = [one["values"][0] for one in asked["filters"]["conditions"] if one["relation"] == "greater_than"]
        if above:
            ids = range(above[0] + 1, min(self.newest, above[0] + count) + 1)
        else:
            ids = [self.newest] if self.newest else []
        return {
            "entities": [self._event(number) for number in ids],
            "paging_info": {"current_page": 1, "page_count": 1, "entity_count": len(ids), "has_next_page": False,
                            "entities_per_page": count},
        }

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
