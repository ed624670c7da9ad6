"""The manifests as `kubectl kustomize` renders them."""

import functools
import json
import pathlib
import shutil
import subprocess
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
KUSTOMIZE = ROOT / "deploy" / "kustomize"
OVERLAYS = ("overlays/small", "overlays/production")
RENDERED = (*OVERLAYS, "examples/model-servers")


@functools.cache
def render(name):
    """What `kubectl kustomize deploy/kustomize/NAME` prints."""
    with tempfile.TemporaryDirectory(prefix="llmgw-kustomize-") as folder:
        copy = pathlib.Path(folder) / "kustomize"
        shutil.copytree(KUSTOMIZE, copy)
        if not knows_folders_as_resources():
            for file in copy.rglob("kustomization.yaml"):
                file.write_text(yaml.safe_dump(for_old_kubectl(yaml.safe_load(file.read_text()), file.parent)))
        return kubectl(copy / name)


def kubectl(folder):
    ran = subprocess.run(["kubectl", "kustomize", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@functools.cache
def knows_folders_as_resources():
    """Debian 12's kubectl (1.20) has a kustomize of 2019, which knows the same things under other names."""
    ran = subprocess.run(
        ["kubectl", "version", "--client", "--output", "json"], stdout=subprocess.PIPE, check=True, text=True
    )
    version = json.loads(ran.stdout)["clientVersion"]
    return (int(version["major"]), int(version["minor"].rstrip("+"))) >= (1, 21)


def for_old_kubectl(kustomization, folder):
    kustomization = dict(kustomization)
    resources = kustomization.pop("resources", [])
    kustomization["bases"] = [name for name in resources if (folder / name).is_dir()]
    kustomization["resources"] = [name for name in resources if not (folder / name).is_dir()]
    kustomization["patchesStrategicMerge"] = [patch["path"] for patch in kustomization.pop("patches", [])]
    return kustomization


def objects(name):
    return [thing for thing in yaml.safe_load_all(render(name)) if thing]


def settings_of(things):
    """The TOML file that the programs get."""
    [found] = [
        thing["data"]["llmgateway.toml"]
        for thing in things
        if thing["kind"] == "ConfigMap" and "llmgateway.toml" in thing["data"]
    ]
    return found
