"""A small SAML identity provider on pysaml2, another implementation than SimpleSAMLphp, for tests on this machine.

Environment: IDP_PORT, WORK (a folder of its own, with the service provider's metadata in `sp.xml`), and switches that
are "1" or "0": SIGN_RESPONSE, SIGN_ASSERTION (both "1" unless set), ENCRYPT ("0" unless set). Serves until SIGTERM.
"""

import functools
import html
import http.server
import os
import pathlib
import subprocess
import urllib.parse

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT, entity, sigver
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAME_FORMAT_URI, NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

WORK = pathlib.Path(os.environ["WORK"])
PORT = int(os.environ["IDP_PORT"])
BASE = f"http://127.0.0.1:{PORT}"
PEOPLE = {
    "alice": {
        "eduPersonPrincipalName": ["alice@uni.example"],
        "displayName": ["Alice Ångström"],
        "mail": ["alice@uni.example"],
        "eduPersonAffiliation": ["member", "staff"],
        "eduPersonEntitlement": ["urn:mace:example:llm:admin"],
        "isMemberOf": ["cn=physics"],
    },
    "bob": {
        "eduPersonPrincipalName": ["bob@uni.example"],
        "displayName": ["Bob"],
        "mail": ["bob@uni.example"],
        "eduPersonAffiliation": ["member", "student"],
    },
}


def is_on(name, unless_set):
    return os.environ.get(name, unless_set) == "1"


def with_todays_ciphers():
    """pysaml2 encrypts with triple DES, which no service provider should take any more."""
    aes = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
    entity.pre_encryption_part = functools.partial(sigver.pre_encryption_part, msg_enc=aes)
    sigver.SecurityContext.encrypt_assertion.__defaults__ = ("aes-256", None)


def make_key():
    key, certificate = WORK / "idp.key", WORK / "idp.crt"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=idp",
            "-keyout", key, "-out", certificate]  # fmt: skip
    subprocess.run(make, check=True, stderr=subprocess.DEVNULL)
    return str(key), str(certificate)


def settings():
    key, certificate = make_key()
    return {
        "entityid": f"{BASE}/metadata",
        "key_file": key,
        "cert_file": certificate,
        "xmlsec_binary": "/usr/bin/xmlsec1",
        "metadata": {"local": [str(WORK / "sp.xml")]},
        "service": {
            "idp": {
                "want_authn_requests_signed": True,
                "endpoints": {
                    "single_sign_on_service": [(f"{BASE}/sso", BINDING_HTTP_REDIRECT)],
                    "single_logout_service": [(f"{BASE}/slo", BINDING_HTTP_REDIRECT)],
                },
                "policy": {"default": {"lifetime": {"minutes": 5}, "name_form": NAME_FORMAT_URI}},
            }
        },
    }


class Idp:
    """What is asked and answered. One person is logged in at a time: a browser is enough for a test."""

    def __init__(self):
        self.config = IdPConfig().load(settings())
        self.server = Server(config=self.config)
        self.sp = next(iter(self.server.metadata.service_providers()))
        self.name = None

    def metadata(self):
        return str(entity_descriptor(self.config))

    def login_page(self, query):
        self._request(query)
        fields = hidden({"query": urllib.parse.urlencode(query)})
        return page(f"""<form method="post" action="/login">{fields}
            <label>Name <input name="username"></label>
            <label>Password <input name="password" type="password"></label><button>Log in</button></form>""")

    def log_in(self, form):
        name = form["username"]
        if name not in PEOPLE or form["password"] != f"{name}pw":
            return page("<p>Wrong name or password</p>")
        query = dict(urllib.parse.parse_qsl(form["query"]))
        request = self._request(query)
        self.name = NameID(format=NAMEID_FORMAT_PERSISTENT, text=f"persistent-{name}", sp_name_qualifier=self.sp)
        arguments = self.server.response_args(request.message)
        answer = self.server.create_authn_response(
            identity=PEOPLE[name],
            userid=name,
            name_id=self.name,
            authn={"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"},
            sign_response=is_on("SIGN_RESPONSE", "1"),
            sign_assertion=is_on("SIGN_ASSERTION", "1"),
            encrypt_assertion=is_on("ENCRYPT", "0"),
            sign_alg=SIG_RSA_SHA256,
            digest_alg=DIGEST_SHA256,
            in_response_to=arguments["in_response_to"],
            destination=arguments["destination"],
            sp_entity_id=arguments["sp_entity_id"],
        )
        bound = self.server.apply_binding(
            BINDING_HTTP_POST, str(answer), arguments["destination"], query.get("RelayState", ""), response=True
        )
        return bound["data"]

    def log_out_everywhere(self):
        """Where a browser goes that logs out here first."""
        [address] = self.server.metadata.single_logout_service(self.sp, BINDING_HTTP_REDIRECT, "spsso")
        # All logins of this person: no index is named.
        _, request = self.server.create_logout_request(
            address["location"], self.server.config.entityid, name_id=self.name, sign=False
        )
        self.name = None
        return self._redirect(str(request), address["location"], response=False)

    def logout_message(self, query):
        """The service provider's request, which is answered, or its answer, which ends here."""
        if "SAMLResponse" in query:
            return None
        request = self.server.parse_logout_request(
            query["SAMLRequest"], BINDING_HTTP_REDIRECT, query.get("RelayState"), query["SigAlg"], query["Signature"]
        )
        if self.name is None or request.message.name_id.text != self.name.text:
            raise ValueError("a logout of somebody else")
        self.name = None
        answer = self.server.create_logout_response(request.message, [BINDING_HTTP_REDIRECT], sign=False)
        return self._redirect(str(answer), answer.destination, response=True)

    def _request(self, query):
        request = self.server.parse_authn_request(
            query["SAMLRequest"], BINDING_HTTP_REDIRECT, query.get("RelayState"), query["SigAlg"], query["Signature"]
        )
        if request is None:
            raise ValueError("a request that is not signed by the service provider")
        return request

    def _redirect(self, message, location, response):
        bound = self.server.apply_binding(
            BINDING_HTTP_REDIRECT, message, location, response=response, sign=True, sigalg=SIG_RSA_SHA256
        )
        return dict(bound["headers"])["Location"]


def hidden(fields):
    return "".join(f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in fields.items())


def page(body):
    return f"<!doctype html><html lang=en><meta charset=utf-8><title>IdP</title><body>{body}</body></html>"


class Handler(http.server.BaseHTTPRequestHandler):
    idp = None

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        match url.path:
            case "/metadata":
                self._show(self.idp.metadata(), "application/samlmetadata+xml")
            case "/sso":
                self._show(self.idp.login_page(query))
            case "/logout":
                self._go(self.idp.log_out_everywhere())
            case "/slo":
                to = self.idp.logout_message(query)
                self._go(to) if to else self._show(page("<p>You are logged out</p>"))
            case _:
                self.send_error(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._show(self.idp.log_in(dict(urllib.parse.parse_qsl(body))))

    def _show(self, text, kind="text/html; charset=utf-8"):
        body = text if isinstance(text, bytes) else text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _go(self, to):
        self.send_response(303)
        self.send_header("Location", to)
        self.send_header("Content-Length", "0")
        self.end_headers()


def main():
    with_todays_ciphers()
    Handler.idp = Idp()
    http.server.HTTPServer(("127.0.0.1", PORT), Handler).serve_forever()


if __name__ == "__main__":
    main()
