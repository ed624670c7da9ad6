"""What must hold of rendered manifests. Each rule yields a sentence for everything that breaks it."""

import re

WORKLOADS = ("Deployment", "StatefulSet", "Job")
SECRET_WORDS = re.compile(r"(?i)password|secret|token|api_?key|pepper")
# Seconds that a proxy may need to hear that a pod is gone.
PROPAGATION = 5


def broken(things, settings=None):
    """Everything that is wrong with these objects."""
    rules = (pods, containers, probes, images, inline_secrets, references, selectors, grace, budgets, network, ingress)
    return [f"{rule.__name__}: {said}" for rule in rules for said in rule(things, settings)]


def named(thing):
    return f"{thing['kind']}/{thing['metadata']['name']}"


def workloads(things):
    return [(named(thing), thing, thing["spec"]["template"]) for thing in things if thing["kind"] in WORKLOADS]


def all_containers(things):
    for name, _, template in workloads(things):
        spec = template["spec"]
        for container in spec["containers"] + spec.get("initContainers", []):
            yield f"{name}/{container['name']}", container, template


def pods(things, _):
    for name, _, template in workloads(things):
        spec, context = template["spec"], template["spec"].get("securityContext", {})
        if not context.get("runAsNonRoot") or not context.get("runAsUser") or not context.get("runAsGroup"):
            yield f"{name} may run as root"
        if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{name} has no seccomp profile"
        if spec.get("automountServiceAccountToken") is not False:
            yield f"{name} carries a token of the cluster"
        if any(spec.get(shared) for shared in ("hostNetwork", "hostPID", "hostIPC")):
            yield f"{name} shares something of its node"
        if any("hostPath" in volume for volume in spec.get("volumes", [])):
            yield f"{name} mounts a folder of its node"


def containers(things, _):
    for name, container, _ in all_containers(things):
        context = container.get("securityContext", {})
        if context.get("readOnlyRootFilesystem") is not True:
            yield f"{name} may write to its image"
        if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
            yield f"{name} may gain privileges"
        if context.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{name} has capabilities"
        resources = container.get("resources", {})
        if not {"cpu", "memory"} <= resources.get("requests", {}).keys():
            yield f"{name} asks for no CPU or memory"
        if "memory" not in resources.get("limits", {}):
            yield f"{name} may take all memory"


def probes(things, _):
    for name, thing, template in workloads(things):
        if thing["kind"] == "Job":
            continue
        for container in template["spec"]["containers"]:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                if probe not in container:
                    yield f"{name} has no {probe}"
                    continue
                told = container[probe].get("httpGet") or container[probe].get("tcpSocket") or {}
                ports = {port["name"] for port in container["ports"]}
                if "exec" not in container[probe] and told.get("port") not in ports:
                    yield f"{name}: {probe} asks a port that is not there"
            # The programs of ours have a listener for that.
            if container["image"].startswith("llmgateway/"):
                told = {probe: container.get(probe, {}).get("httpGet", {}) for probe in ("livenessProbe", "readinessProbe")}
                if [one.get("port") for one in told.values()] != ["health"] * 2:
                    yield f"{name} is not asked at its health listener"
                if [one.get("path") for one in told.values()] != ["/health/live", "/health/ready"]:
                    yield f"{name} is asked for the wrong thing"


def images(things, _):
    for name, container, _ in all_containers(things):
        _, colon, tag = container["image"].rpartition(":")
        if not colon or tag == "latest" or "/" in tag:
            yield f"{name} has an image without a version: {container['image']}"


def inline_secrets(things, _):
    for thing in things:
        if thing["kind"] == "Secret":
            yield f"{named(thing)} stands in the manifests"
        if thing["kind"] == "ConfigMap":
            for text in thing["data"].values():
                for line in text.splitlines():
                    if re.search(r"(?i)^\s*(pepper|key|password|default_key)\s*=", line) or re.search(r"://[^/\s]*:[^/\s]*@", line):
                        yield f"{named(thing)} has a secret: {line.split('=')[0].strip()}"
    for name, container, _ in all_containers(things):
        for variable in container.get("env", []):
            if "value" in variable and SECRET_WORDS.search(variable["name"]) and not variable["name"].endswith("_FILE"):
                yield f"{name} has a secret in {variable['name']}"


def references(things, _):
    maps = {thing["metadata"]["name"] for thing in things if thing["kind"] == "ConfigMap"}
    for name, thing, template in workloads(things):
        volumes = {volume["name"]: volume for volume in template["spec"].get("volumes", [])}
        claims = {claim["metadata"]["name"] for claim in thing["spec"].get("volumeClaimTemplates", [])}
        for container in template["spec"]["containers"]:
            mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
            for missing in mounted - volumes.keys() - claims:
                yield f"{name} mounts {missing}, which is no volume"
            for unused in (volumes.keys() | claims) - mounted:
                yield f"{name} has a volume {unused} that nothing mounts"
        for volume in volumes.values():
            if "configMap" in volume and volume["configMap"]["name"] not in maps:
                yield f"{name} wants {volume['configMap']['name']}, which is no ConfigMap here"


def secrets_wanted(things):
    """{name of a Secret: keys wanted of it, or None for whatever it has}."""
    wanted = set()
    for _, _, template in workloads(things):
        for volume in template["spec"].get("volumes", []):
            if "secret" in volume:
                wanted.add(volume["secret"]["secretName"])
            wanted |= {source["secret"]["name"] for source in volume.get("projected", {}).get("sources", [])}
    return wanted


def selects(selector, labels):
    if not all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()):
        return False
    return all(
        labels.get(rule["key"]) in rule["values"] for rule in selector.get("matchExpressions", []) if rule["operator"] == "In"
    )


def selectors(things, _):
    templates = {name: template for name, _, template in workloads(things)}
    for thing in things:
        spec = thing.get("spec", {})
        if thing["kind"] == "Service":
            selector = {"matchLabels": spec["selector"]}
        elif thing["kind"] in ("Deployment", "StatefulSet", "PodDisruptionBudget"):
            selector = spec["selector"]
        else:
            continue
        found = [name for name, template in templates.items() if selects(selector, template["metadata"]["labels"])]
        if len(found) != 1:
            yield f"{named(thing)} selects {found or 'nothing'}"
        if thing["kind"] == "Service" and found:
            [container] = templates[found[0]]["spec"]["containers"]
            names = {port["name"] for port in container["ports"]}
            for port in spec["ports"]:
                if port["targetPort"] not in names:
                    yield f"{named(thing)} leads to a port {port['targetPort']} that is not there"
    for name, thing, _ in workloads(things):
        services = [other for other in things if other["kind"] == "Service"]
        if thing["kind"] == "StatefulSet" and thing["spec"]["serviceName"] not in [o["metadata"]["name"] for o in services]:
            yield f"{name} has no Service of that name"


def seconds(span):
    number, unit = re.fullmatch(r"(\d+)(s|m)", span).groups()
    return int(number) * {"s": 1, "m": 60}[unit]


def timings(things, settings):
    """The gateway's times in seconds."""
    [template] = [template for name, _, template in workloads(things) if name == "StatefulSet/gateway"]
    [container] = template["spec"]["containers"]
    ready = container["readinessProbe"]
    return {
        "grace": template["spec"].get("terminationGracePeriodSeconds", 30),
        "pre_stop": container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0),
        "unready": ready.get("periodSeconds", 10) * ready.get("failureThreshold", 3) + ready.get("timeoutSeconds", 1),
        "linger": seconds(settings["gateway"]["linger"]),
        "drain": seconds(settings["gateway"]["drain"]),
    }


def grace(things, settings):
    if settings is None:
        return
    found = timings(things, settings)
    if found["grace"] != found["linger"] + found["drain"] + 30:
        yield f"the gateway's grace is not linger + drain + 30 s: {found}"
    if not 0 < found["pre_stop"] <= 20:
        yield f"preStop leaves too little of the 30 s, or is none: {found}"
    if found["pre_stop"] + found["linger"] < found["unready"] + PROPAGATION:
        yield f"the gateway stops taking requests while some are still sent to it: {found}"


def budgets(things, settings):
    if settings is None:
        return
    for thing in things:
        if thing["kind"] == "HorizontalPodAutoscaler":
            target = f"{thing['spec']['scaleTargetRef']['kind']}/{thing['spec']['scaleTargetRef']['name']}"
            scaled = [other for name, other, _ in workloads(things) if name == target]
            if [other["spec"].get("replicas") for other in scaled] != [None]:
                yield f"{target} is not there, or says how many it is beside its autoscaler"
    for component in ("gateway", "portal", "admin"):
        if not any(named(thing) == f"PodDisruptionBudget/{component}" for thing in things):
            yield f"{component} has no disruption budget"
    spread = {name for name, _, template in workloads(things) if template["spec"].get("topologySpreadConstraints")}
    for name in ("StatefulSet/gateway", "Deployment/portal", "Deployment/admin"):
        if name not in spread:
            yield f"{name} is not spread over nodes"


def network(things, settings):
    if settings is None:
        return
    policies = {thing["metadata"]["name"]: thing["spec"] for thing in things if thing["kind"] == "NetworkPolicy"}
    deny = policies.get("default-deny")
    if deny != {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}:
        yield "not everything is denied that is not allowed"
    for name, spec in policies.items():
        for rule in spec.get("ingress", []) + spec.get("egress", []):
            if not rule.get("from") and not rule.get("to"):
                yield f"{name} lets everybody through"
    labels = {name: template["metadata"]["labels"] for name, _, template in workloads(things)}
    # Who must reach whom, by the port's number.
    arrows = [(name, port) for name in ("StatefulSet/gateway", "Deployment/portal", "Deployment/admin") for port in (6379, 27017, 53)]
    arrows += [("StatefulSet/gateway", 8000), ("Deployment/admin", 8000), ("Deployment/portal", 443)]
    for name, port in arrows:
        if not any(allows(told, port) for _, told in allowed(policies, "egress", labels[name])):
            yield f"{name} cannot reach port {port}"
    yield from network_inwards(policies, labels)


def network_inwards(policies, labels):
    """Who is let in, by the port's name, and that nobody else is."""
    programs = {"StatefulSet/gateway": "api", "Deployment/portal": "http", "Deployment/admin": "http"}
    arrows = {(name, port, "ingress-nginx") for name, port in programs.items()}
    arrows |= {(name, "health", "monitoring") for name in programs}
    stores = {"StatefulSet/redis": "redis", "StatefulSet/mongo": "mongo"}
    arrows |= {(to, stores[to], name) for to in stores if to in labels for name in programs}
    for name, port, who in arrows:
        peers = [peer for peer, told in allowed(policies, "ingress", labels[name]) if allows(told, port)]
        if not any(lets_in(peer, labels.get(who), who) for peer in peers):
            yield f"{who} cannot reach {name} at port {port}"
    for name in programs:
        for peer, told in allowed(policies, "ingress", labels[name]):
            if lets_in(peer, None, "ingress-nginx") and allows(told, "health"):
                yield f"the world reaches {name} at its health listener"


def allowed(policies, way, labels):
    """Each (peer, port) that the policies of these labels' pod allow, `way` being ingress or egress."""
    for spec in policies.values():
        if way.capitalize() in spec["policyTypes"] and selects(spec["podSelector"], labels):
            for rule in spec.get(way, []):
                for peer in rule.get({"ingress": "from", "egress": "to"}[way], [{}]):
                    for told in rule.get("ports", [{}]):
                        yield peer, told


def allows(told, port):
    first = told.get("port", port)
    return first == port or (isinstance(first, int) and isinstance(port, int) and first <= port <= told.get("endPort", first))


# A peer is some pods of this namespace, those with these labels, or all of the namespace of this name.
def lets_in(peer, labels, namespace):
    if labels is not None:
        return "podSelector" in peer and "namespaceSelector" not in peer and selects(peer["podSelector"], labels)
    wanted = {"kubernetes.io/metadata.name": namespace}
    return "podSelector" not in peer and peer.get("namespaceSelector", {}).get("matchLabels") == wanted


def ingress(things, settings):
    if settings is None:
        return
    services = {thing["metadata"]["name"]: thing for thing in things if thing["kind"] == "Service"}
    found = {thing["metadata"]["name"]: thing for thing in things if thing["kind"] == "Ingress"}
    for name, thing in found.items():
        hosts = {rule["host"] for rule in thing["spec"]["rules"]}
        if hosts != {host for tls in thing["spec"]["tls"] for host in tls["hosts"]}:
            yield f"ingress {name} serves something without TLS"
        for rule in thing["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                to = path["backend"]["service"]
                ports = [port["name"] for port in services.get(to["name"], {"spec": {"ports": []}})["spec"]["ports"]]
                if to["port"]["name"] not in ports:
                    yield f"ingress {name} leads nowhere"
        issuer = thing["metadata"]["annotations"].get("cert-manager.io/issuer")
        if not any(named(other) == f"Issuer/{issuer}" for other in things):
            yield f"ingress {name} has no issuer"
    notes = found["gateway"]["metadata"]["annotations"]
    prefix = "nginx.ingress.kubernetes.io/"
    wanted = {
        "proxy-buffering": "off",
        "proxy-request-buffering": "off",
        "proxy-read-timeout": "600",
        "proxy-body-size": settings["gateway"]["max_body"].removesuffix("iB").lower(),
    }
    for key, value in wanted.items():
        if notes.get(prefix + key) != value:
            yield f"the gateway's ingress says {key}: {notes.get(prefix + key)}, not {value}"
    for url, name in (("public_base_url", "portal"), ("api_url", "gateway"), ("admin_url", "admin")):
        [rule] = found[name]["spec"]["rules"]
        if settings["portal"][url] != f"https://{rule['host']}":
            yield f"portal.{url} is not where the ingress {name} is"
