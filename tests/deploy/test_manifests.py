"""The manifests are valid, hold to the policy, and the programs take the settings in them."""

import copy
import os
import pathlib
import subprocess
import sys
import tempfile
import tomllib

import pytest
import yaml

import policy
from rendered import OVERLAYS, RENDERED, ROOT, kubectl, objects, render, settings_of

BINARIES = pathlib.Path(os.environ["LLMGW_BINARIES"])
PROGRAMS = ("llm-gateway", "llm-gateway-portal", "llm-gateway-admin")
# What an identity provider says of itself, at least.
IDP = """<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example.org/idp">
<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">
<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data>
</KeyInfo></KeyDescriptor><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
Location="https://idp.example.org/sso"/></IDPSSODescriptor></EntityDescriptor>"""


@pytest.fixture(scope="module")
def secrets():
    """A folder that deploy/make-secrets filled."""
    with tempfile.TemporaryDirectory(prefix="llmgw-secrets-") as folder:
        subprocess.run([ROOT / "deploy" / "make-secrets", folder], check=True, stdout=subprocess.DEVNULL)
        yield pathlib.Path(folder)


def settings(name):
    return tomllib.loads(settings_of(objects(name))) if name in OVERLAYS else None


@pytest.mark.parametrize("name", RENDERED)
def test_kubernetes_would_take_it(name):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(render(name))
        file.flush()
        validate = pathlib.Path(sys.executable).parent / "kubernetes-validate"
        ran = subprocess.run(
            [validate, "--strict", file.name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    assert ran.returncode == 0, ran.stdout
    passed = sum("passed for resource" in line for line in ran.stdout.splitlines())
    unknown = [line for line in ran.stdout.splitlines() if "Couldn't find schema" in line]
    # cert-manager brings the schema of its own kind.
    assert all("kind Issuer with api version cert-manager.io/v1" in line for line in unknown)
    assert passed + len(unknown) == len(objects(name)) > 5


@pytest.mark.parametrize("name", RENDERED)
def test_the_policy_holds(name):
    assert policy.broken(objects(name), settings(name)) == []


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_secrets_are_those_that_the_script_makes(name, secrets):
    made = {thing["metadata"]["name"]: thing for thing in yaml.safe_load_all(kubectl(secrets))}
    wanted = policy.secrets_wanted(objects(name))
    assert wanted <= made.keys()
    assert all(thing["metadata"]["namespace"] == "llmgateway" for thing in made.values())
    of_stores = {"llmgateway-redis", "llmgateway-mongo"}
    assert made.keys() - wanted == (of_stores if name.endswith("production") else set())
    assert all(thing["data"] and all(thing["data"].values()) for thing in made.values())


@pytest.mark.parametrize("name", OVERLAYS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_each_program_takes_its_settings(name, program, secrets):
    component = program.removeprefix("llm-").removeprefix("gateway-")
    mounted = mounted_files(name, component, secrets)
    text = settings_of(objects(name))
    check(program, text, mounted, mounted.values())


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_program_takes_the_settings_of_compose(program, secrets):
    certificate = "".join((secrets / "sp.crt").read_text().splitlines()[1:-1])
    (secrets / "idp.xml").write_text(IDP.format(certificate=certificate))
    text = (ROOT / "deploy" / "compose.toml").read_text()
    files = {f"/run/secrets/llmgateway/{file.name}": file for file in secrets.iterdir() if file.suffix != ".yaml"}
    check(program, text, files | {"/etc/llmgateway/idp/idp.xml": secrets / "idp.xml"}, [])


def mounted_files(name, component, secrets):
    """{path in the container: file here} of the secrets that this component may see."""
    kind = "StatefulSet" if component == "gateway" else "Deployment"
    [template] = [t for found, _, t in policy.workloads(objects(name)) if found == f"{kind}/{component}"]
    [volume] = [v for v in template["spec"]["volumes"] if v["name"] == "secrets"]
    names = {source["secret"]["name"] for source in volume["projected"]["sources"]}
    made = {thing["metadata"]["name"]: thing["data"] for thing in yaml.safe_load_all(kubectl(secrets))}
    return {f"/run/secrets/llmgateway/{key}": secrets / key for secret in names for key in made[secret]}


def check(program, text, files, secret_files):
    for inside, outside in files.items():
        text = text.replace(f'"{inside}"', f'"{outside}"')
    with tempfile.TemporaryDirectory(prefix="llmgw-settings-") as folder:
        file = pathlib.Path(folder) / "llmgateway.toml"
        file.write_text(text.replace("/var/lib/llmgateway/journal", folder))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LLMGW_")}
        ran = subprocess.run(
            [BINARIES / program, "config", "check", "--config", file],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    assert ran.returncode == 0, ran.stdout
    assert "ok  [" in ran.stdout
    for secret in secret_files:
        assert secret.read_text().strip() not in ran.stdout


def workload(things, name):
    return next(thing for thing in things if policy.named(thing) == name)["spec"]["template"]["spec"]


def container(things, name="StatefulSet/gateway"):
    return workload(things, name)["containers"][0]


def find(things, name):
    return next(thing for thing in things if policy.named(thing) == name)


BREAKS = {
    "pods": [
        lambda t: workload(t, "Deployment/portal")["securityContext"].pop("runAsNonRoot"),
        lambda t: workload(t, "Deployment/portal")["securityContext"].pop("seccompProfile"),
        lambda t: workload(t, "Deployment/admin").pop("automountServiceAccountToken"),
        lambda t: workload(t, "Deployment/admin").update(hostNetwork=True),
        lambda t: workload(t, "Deployment/admin")["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
    ],
    "containers": [
        lambda t: container(t)["securityContext"].pop("readOnlyRootFilesystem"),
        lambda t: container(t)["securityContext"].pop("allowPrivilegeEscalation"),
        lambda t: container(t)["securityContext"]["capabilities"].update(add=["NET_ADMIN"]),
        lambda t: container(t)["resources"].pop("requests"),
        lambda t: container(t)["resources"]["limits"].pop("memory"),
    ],
    "probes": [
        lambda t: container(t).pop("startupProbe"),
        lambda t: container(t)["readinessProbe"]["httpGet"].update(port="api"),
        lambda t: container(t)["livenessProbe"]["httpGet"].update(path="/health/ready"),
    ],
    "images": [
        lambda t: container(t).update(image="llmgateway/gateway"),
        lambda t: container(t).update(image="llmgateway/gateway:latest"),
    ],
    "inline_secrets": [
        lambda t: t.append({"kind": "Secret", "metadata": {"name": "x"}, "data": {}}),
        lambda t: container(t).update(env=[{"name": "ADMIN_KEY", "value": "x"}]) or container(t)["env"].append({"name": "REDIS_PASSWORD", "value": "x"}),
        lambda t: find_settings(t)["data"].update(x='[keys]\npepper = "x"'),
        lambda t: find_settings(t)["data"].update(x='url = "redis://:x@redis"'),
    ],
    "references": [
        lambda t: container(t)["volumeMounts"].append({"name": "nothing", "mountPath": "/x"}),
        lambda t: workload(t, "Deployment/portal")["volumes"][0]["configMap"].update(name="other"),
    ],
    "selectors": [
        lambda t: find(t, "Service/gateway")["spec"]["selector"].update({"app.kubernetes.io/component": "gate"}),
        lambda t: find(t, "Service/gateway")["spec"]["ports"][0].update(targetPort="http"),
        lambda t: find(t, "StatefulSet/gateway")["spec"].update(serviceName="other"),
    ],
    "grace": [
        lambda t: workload(t, "StatefulSet/gateway").update(terminationGracePeriodSeconds=300),
        lambda t: container(t).pop("lifecycle"),
        lambda t: container(t)["readinessProbe"].update(periodSeconds=10),
    ],
    "budgets": [
        lambda t: t.remove(find(t, "PodDisruptionBudget/gateway")),
        lambda t: workload(t, "StatefulSet/gateway").pop("topologySpreadConstraints"),
        lambda t: find(t, "StatefulSet/gateway")["spec"].update(replicas=3),
        lambda t: find(t, "HorizontalPodAutoscaler/gateway")["spec"]["scaleTargetRef"].update(name="other"),
    ],
    "network": [
        lambda t: find(t, "NetworkPolicy/default-deny")["spec"].update(policyTypes=["Ingress"]),
        lambda t: t.remove(find(t, "NetworkPolicy/to-stores")),
        lambda t: t.remove(find(t, "NetworkPolicy/to-model-servers")),
        lambda t: find(t, "NetworkPolicy/dns")["spec"]["egress"][0].pop("to"),
        lambda t: t.remove(find(t, "NetworkPolicy/from-ingress")),
        lambda t: find(t, "NetworkPolicy/from-ingress")["spec"]["ingress"][0]["ports"].pop(1),
        lambda t: find(t, "NetworkPolicy/from-ingress")["spec"]["ingress"].pop(1),
        lambda t: find(t, "NetworkPolicy/from-ingress")["spec"]["ingress"][0].pop("ports"),
        lambda t: find(t, "NetworkPolicy/from-ingress")["spec"]["podSelector"]["matchExpressions"][0]["values"].remove("portal"),
    ],
    "ingress": [
        lambda t: find(t, "Ingress/gateway")["metadata"]["annotations"].pop("nginx.ingress.kubernetes.io/proxy-buffering"),
        lambda t: find(t, "Ingress/portal")["spec"]["tls"][0].update(hosts=["other.example.org"]),
        lambda t: find(t, "Ingress/admin")["spec"]["rules"][0].update(host="other.example.org"),
        lambda t: t.remove(find(t, "Issuer/letsencrypt")),
    ],
}


def find_settings(things):
    return next(thing for thing in things if thing["kind"] == "ConfigMap")


# The stores' own arrows are in the other overlay.
BREAKS_OF_STORES = [
    lambda t: find(t, "NetworkPolicy/redis")["spec"]["ingress"][0]["ports"][0].update(port="mongo"),
    lambda t: find(t, "NetworkPolicy/mongo")["spec"]["ingress"][0]["from"][0]["podSelector"]["matchExpressions"][0]["values"].remove("admin"),
    lambda t: t.remove(find(t, "NetworkPolicy/mongo")),
]


@pytest.mark.parametrize("break_it", BREAKS_OF_STORES)
def test_a_missing_arrow_to_a_store_is_seen(break_it):
    things = copy.deepcopy(objects("overlays/small"))
    break_it(things)
    said = policy.broken(things, settings("overlays/small"))
    assert any(line.startswith("network:") for line in said), said


@pytest.mark.parametrize(
    ("rule", "break_it"), [(rule, one) for rule, breaks in BREAKS.items() for one in breaks], ids=lambda v: v if isinstance(v, str) else ""
)
def test_each_rule_sees_what_breaks_it(rule, break_it):
    things = copy.deepcopy(objects("overlays/production"))
    break_it(things)
    said = policy.broken(things, settings("overlays/production"))
    assert any(line.startswith(f"{rule}:") for line in said), said


def test_made_secrets_stay_and_are_only_their_owners(secrets):
    before = {file.name: file.read_bytes() for file in secrets.iterdir() if file.name != "idp.xml"}
    assert {file.stat().st_mode & 0o777 for file in secrets.iterdir() if file.name != "idp.xml"} == {0o600}
    (secrets / "admin_key").unlink()
    subprocess.run([ROOT / "deploy" / "make-secrets", secrets], check=True, stdout=subprocess.DEVNULL)
    after = {file.name: file.read_bytes() for file in secrets.iterdir() if file.name != "idp.xml"}
    assert after.keys() == before.keys()
    assert [name for name in after if after[name] != before[name]] == ["admin_key"]
    # It becomes a variable of model servers.
    assert not after["inference_key"].endswith(b"\n")


def test_a_pair_of_keys_is_made_anew_as_a_pair(secrets):
    for key, public in (("handover.key", "handover.pub"), ("sp.key", "sp.crt")):
        before = (secrets / public).read_bytes()
        (secrets / key).unlink()
        subprocess.run([ROOT / "deploy" / "make-secrets", secrets], check=True, stdout=subprocess.DEVNULL)
        assert (secrets / public).read_bytes() != before


def test_an_image_is_built_from_everything_that_a_build_needs():
    let_through = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = set()
    for line in (ROOT / "deploy" / "Dockerfile").read_text().splitlines():
        words = line.split()
        if words[:1] == ["COPY"] and not words[1].startswith("--from"):
            copied |= set(words[1:-1])
    assert all((ROOT / source).exists() and source.split("/")[0] in let_through for source in copied)
    # How the allocator is compiled is in .cargo.
    members = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["members"]
    assert {".cargo", "Cargo.toml", "Cargo.lock", *(member.split("/")[0] for member in members)} <= copied


def test_compose_asks_each_program_as_its_image_can_be_asked():
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    for program in PROGRAMS:
        name = program.removeprefix("llm-gateway").removeprefix("-") or "gateway"
        service = compose["services"][name]
        kind, binary, *arguments = service["healthcheck"]["test"]
        assert kind == "CMD" and f'ENTRYPOINT ["{binary}"]' in dockerfile
        assert pathlib.Path(binary).name == program
        # As the service is started, but for the command.
        assert arguments == ["health", *service["command"][1:]]
        asked = subprocess.run([BINARIES / program, "health", "--help"], stdout=subprocess.DEVNULL)
        assert asked.returncode == 0


def test_compose_names_files_and_volumes_that_there_are(secrets):
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    stages = [line.split(" AS ")[1].strip() for line in (ROOT / "deploy" / "Dockerfile").read_text().splitlines() if " AS " in line]
    for name, service in compose["services"].items():
        if "build" in service:
            assert service["build"]["target"] in stages, name
        assert service.get("read_only") and service["cap_drop"] == ["ALL"], name
        assert name == "secrets" or service["user"].split(":")[0] not in ("0", "root"), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or source in ("./secrets", "./idp"), volume
        for config in service.get("configs", []):
            assert (ROOT / "deploy" / compose["configs"][config["source"]]["file"]).exists()
    installed = compose["services"]["secrets"]["command"][-1]
    made = {file.name for file in secrets.iterdir()} - {"kustomization.yaml", "idp.xml"}
    assert all(name in installed for name in made)
