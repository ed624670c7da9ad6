"""A whole installation on one machine: gateway, portal, administration, identity provider, model server and Redis, each a process on a
free port, with everything it keeps in one folder. For `make demo-portal` and the tests of the pages.

Needs Python's standard library, openssl, redis-server and SimpleSAMLphp; `scripts/install-test-deps.sh` brings them.
"""

import os
import pathlib
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "modelserver"))
from servers import STOP_SECONDS, Server, free_ports, start_model_server, start_redis  # noqa: E402

MODEL = "smollm2"
MODEL_KEY_VARIABLE = "LLMGW_UPSTREAM_SMOLLM2"
START_IDP = {
    "simplesaml": ["bash", ROOT / "tests" / "idp" / "simplesaml" / "start-idp.sh"],
    "pysaml2": [sys.executable, "-B", ROOT / "tests" / "idp" / "pysaml2" / "idp.py"],
}
IDP_METADATA = {"simplesaml": "/simplesaml/saml2/idp/metadata.php", "pysaml2": "/metadata"}
START_SECONDS = 60
PORTS = ["api", "api_health", "portal", "portal_health", "pages", "pages_health", "idp", "redis"]
AGREEMENT = """# Rules of use

Be kind to the machines, and to whoever shares them with you.

- Keep your keys to yourself.
- What you send is not stored; how much you use is counted.
"""


class Team:
    """All of them. `stop` ends what was started, in the right order."""

    def __init__(self, folder, binaries, idp="simplesaml", idp_switches=None, settings=""):
        self.folder = pathlib.Path(folder)
        self.binaries = pathlib.Path(binaries)
        self.idp_kind = idp
        self.idp_switches = idp_switches or {}
        self.running = []
        self.loose = []
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.model_key = secrets.token_hex(16)
        self.admin_key = secrets.token_hex(16)
        self.config = self.folder / "llmgw.toml"
        self.settings = settings

    @property
    def portal(self):
        # Not 127.0.0.1: the identity provider is another site, as it is for everybody.
        return f"http://localhost:{self.ports['portal']}"

    @property
    def administration(self):
        # Another site than the portal, as it may be.
        return f"http://127.0.0.1:{self.ports['pages']}"

    @property
    def api(self):
        return f"http://127.0.0.1:{self.ports['api']}/v1"

    @property
    def idp(self):
        return f"http://127.0.0.1:{self.ports['idp']}"

    @property
    def idp_metadata(self):
        return self.idp + IDP_METADATA[self.idp_kind]

    def start(self):
        try:
            self._write_settings()
            self._start_redis()
            self._start_idp()
            server = start_model_server(self.folder, MODEL, self.model_key)
            self.running.append(server)
            self._serve("gateway", "llm-gateway")
            self.admin("model", "add", MODEL, "--url", server.ready["listening"], "--secret", f"env:{MODEL_KEY_VARIABLE}",
                       "--context", "8192", "--price-prompt", "500000000", "--price-completion", "1500000000")  # fmt: skip
            self._wait(self.idp_metadata)
            self._serve("portal", "llm-gateway-portal")
            self._serve("administration", "llm-gateway-admin")
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        for server in reversed(self.running):
            server.stop()
        for process in reversed(self.loose):
            process.terminate()
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running, self.loose = [], []

    def said(self):
        """Everything that gateway, portal and administration logged."""
        return "".join(server.said() for server in self.running if server.name in ("gateway", "portal", "administration"))

    def admin(self, *command):
        """Runs the administration's command line on the same stores."""
        run = [self.binaries / "llm-gateway-admin", "--config", self.config, *command]
        return subprocess.run([str(part) for part in run], env=self._environment(), check=True, capture_output=True, text=True).stdout

    def _write_settings(self):
        (self.folder / "pepper").write_text(secrets.token_hex(32))
        (self.folder / "agreement.md").write_text(AGREEMENT)
        for name in ("sp", "sp-next"):
            key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.crt"
            make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=llmgw",
                    "-keyout", key, "-out", certificate]  # fmt: skip
            subprocess.run(make, check=True, stderr=subprocess.DEVNULL)
        key, public = self.folder / "handover.key", self.folder / "handover.pub"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
        subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True)
        (self.folder / "admin.key").write_text(self.admin_key)
        ports = self.ports
        self.config.write_text(f"""
[store]
kind = "sqlite"
path = "{self.folder}/llmgw.sqlite"
[redis]
url = "redis://127.0.0.1:{ports["redis"]}/0"
[keys]
pepper_file = "{self.folder}/pepper"
[gateway]
listen = "127.0.0.1:{ports["api"]}"
health_listen = "127.0.0.1:{ports["api_health"]}"
linger = "0s"
drain = "5s"
[journal]
dir = "{self.folder}/journal"
[portal]
listen = "127.0.0.1:{ports["portal"]}"
health_listen = "127.0.0.1:{ports["portal_health"]}"
public_base_url = "{self.portal}"
api_url = "http://127.0.0.1:{ports["api"]}"
institution = "Example University"
support = "it@uni.example"
agreement_file = "{self.folder}/agreement.md"
admin_url = "{self.administration}"
handover_key_file = "{self.folder}/handover.key"
[admin]
listen = "127.0.0.1:{ports["pages"]}"
health_listen = "127.0.0.1:{ports["pages_health"]}"
key_file = "{self.folder}/admin.key"
public_base_url = "{self.administration}"
portal_url = "{self.portal}"
handover_public_key_file = "{self.folder}/handover.pub"
[saml]
idp_metadata = "{self.idp_metadata}"
idp_metadata_refresh = "5s"
sp_keys = [
  {{ key_file = "{self.folder}/sp.key", cert_file = "{self.folder}/sp.crt" }},
  {{ key_file = "{self.folder}/sp-next.key", cert_file = "{self.folder}/sp-next.crt" }},
]
allow = [{{ attribute = "affiliation", any = ["staff", "faculty"] }}]
admin = [{{ attribute = "entitlement", any = ["urn:mace:example:llm:admin"] }}]
[limits]
default = [
  {{ unit = "requests", window = "day", amount = 1000 }},
  {{ unit = "tokens", window = "month", amount = 1000000 }},
]
{self.settings}
""")

    def _environment(self):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LLMGW_")}
        return inherited | {MODEL_KEY_VARIABLE: self.model_key}

    def _serve(self, name, binary):
        command = [self.binaries / binary, "serve", "--config", self.config, "--json"]
        log = self.folder / f"{name}.log"
        self.running.append(Server(name, command, log, {MODEL_KEY_VARIABLE: self.model_key}))

    def _loose(self, name, command, environment=None):
        with open(self.folder / f"{name}.log", "wb") as log:
            self.loose.append(
                subprocess.Popen(
                    [str(part) for part in command],
                    env=os.environ | (environment or {}),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )

    def _start_redis(self):
        folder = self.folder / "redis"
        folder.mkdir()
        self.loose.append(start_redis(folder, self.ports["redis"]))

    def _start_idp(self):
        folder = self.folder / "idp"
        folder.mkdir()
        # The portal says what the identity provider must know before either serves.
        metadata = subprocess.run([str(self.binaries / "llm-gateway-portal"), "metadata", "--config", str(self.config)],
                                  env=self._environment(), check=True, capture_output=True)  # fmt: skip
        (folder / "sp.xml").write_bytes(metadata.stdout)
        switches = {"IDP_PORT": str(self.ports["idp"]), "WORK": str(folder), "PHP_CLI_SERVER_WORKERS": "1"}
        self._loose("idp", START_IDP[self.idp_kind], switches | self.idp_switches)

    def _wait(self, url):
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                urllib.request.urlopen(url, timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
