"""The Xcode project: every reference resolves, every file is listed, and the script wrote it."""

from __future__ import annotations

import plistlib
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from mobilecat.geometry.assumptions import UNMEASURED

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "ios_sample"
PROJECT = SAMPLE / "CatCam.xcodeproj/project.pbxproj"
pbxproj = pytest.importorskip("pbxproj", reason="NOT_RUN: pbxproj is not installed")
sys.path.insert(0, str(ROOT / "tools"))
import make_xcodeproj  # noqa: E402


@pytest.fixture(scope="module")
def project():  # type: ignore[no-untyped-def]
    return pbxproj.XcodeProject.load(str(PROJECT))


def paths(project) -> dict[str, Path]:  # type: ignore[no-untyped-def]
    """Return every file reference's place, by walking the groups as Xcode does."""
    found = {}

    def walk(key: str, folder: Path) -> None:
        one = project.objects[key]
        here = folder / one["path"] if "path" in one else folder
        if one["isa"] == "PBXGroup":
            for child in one["children"]:
                walk(child, here)
        elif one["sourceTree"] == "<group>":
            found[key] = here

    walk(project.objects[project.rootObject]["mainGroup"], SAMPLE)
    return found


def test_every_id_that_is_used_exists(project) -> None:  # type: ignore[no-untyped-def]
    text = PROJECT.read_text()
    ids = set(re.findall(r"\b[0-9A-F]{24}\b", text))
    defined = {
        o.get_id() for o in project.objects.get_objects_in_section(*project.objects.get_sections())
    }
    assert ids == defined


def test_every_file_listed_exists(project) -> None:  # type: ignore[no-untyped-def]
    missing = [str(p) for p in paths(project).values() if not p.exists()]
    assert missing == []


def test_every_source_is_listed_and_compiled_once(project) -> None:  # type: ignore[no-untyped-def]
    listed = paths(project)
    (phase,) = project.objects.get_objects_in_section("PBXSourcesBuildPhase")
    compiled = [listed[project.objects[f]["fileRef"]] for f in phase["files"]]
    there = {p for p in (SAMPLE / "CatCam").rglob("*.swift") if "LandmarkModel" not in p.parts}
    assert len(compiled) == len(set(compiled)) > 15
    assert set(compiled) == there


def test_model_folders_and_assets_go_into_the_app(project) -> None:  # type: ignore[no-untyped-def]
    listed = paths(project)
    (phase,) = project.objects.get_objects_in_section("PBXResourcesBuildPhase")
    names = {listed[project.objects[f]["fileRef"]].name for f in phase["files"]}
    assert names == {"Assets.xcassets", "Model", "LandmarkModel"}


def test_the_package_is_the_local_one(project) -> None:  # type: ignore[no-untyped-def]
    (package,) = project.objects.get_objects_in_section("XCLocalSwiftPackageReference")
    assert (SAMPLE / package["relativePath"] / "Package.swift").is_file()
    (target,) = project.objects.get_objects_in_section("PBXNativeTarget")
    assert len(target["packageProductDependencies"]) == 1


def test_settings(project) -> None:  # type: ignore[no-untyped-def]
    merged: dict[str, str] = {}
    for one in project.objects.get_objects_in_section("XCBuildConfiguration"):
        settings = one["buildSettings"]
        merged |= {k: settings[k] for k in settings.get_keys()}
    assert merged["IPHONEOS_DEPLOYMENT_TARGET"] == "16.0"
    assert (SAMPLE / merged["INFOPLIST_FILE"]).is_file()


def test_scheme_names_the_target(project) -> None:  # type: ignore[no-untyped-def]
    scheme = ET.parse(SAMPLE / "CatCam.xcodeproj/xcshareddata/xcschemes/CatCam.xcscheme")
    (target,) = project.objects.get_objects_in_section("PBXNativeTarget")
    named = {r.get("BlueprintIdentifier") for r in scheme.iter("BuildableReference")}
    assert named == {target.get_id()}


def test_info_plist_says_why_the_camera_and_shows_documents() -> None:
    info = plistlib.loads((SAMPLE / "CatCam/Info.plist").read_bytes())
    assert "camera" in info["NSCameraUsageDescription"]
    assert info["UIFileSharingEnabled"] and info["LSSupportsOpeningDocumentsInPlace"]
    assert "UIApplicationSceneManifest" in info


def test_the_committed_project_is_what_the_script_writes() -> None:
    for name, text in make_xcodeproj.project_files().items():
        assert (SAMPLE / name).read_text("utf-8") == text, f"{name}: python tools/make_xcodeproj.py"


def test_what_is_written_says_what_was_made() -> None:
    """Read by a parser of property lists, which knows no project: every key, every value."""
    parser = pytest.importorskip("openstep_parser", reason="NOT_RUN: openstep_parser is absent")
    objects, root = make_xcodeproj.make_project(make_xcodeproj.app_files(SAMPLE / "CatCam"))
    read = parser.OpenStepDecoder.ParseFromString(PROJECT.read_text("utf-8"))
    assert read["objects"] == objects and read["rootObject"] == root
    assert (read["archiveVersion"], read["objectVersion"], read["classes"]) == ("1", "56", {})
    assert len(objects) > 80


def test_a_new_source_file_makes_the_project_stale(tmp_path: Path) -> None:
    for name in ("Screens/One.swift", "Model/ModelContract.swift", "LandmarkModel/x.txt"):
        path = tmp_path / "CatCam" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    before = make_xcodeproj.pbxproj(make_xcodeproj.app_files(tmp_path / "CatCam"))
    (tmp_path / "CatCam/Screens/Two.swift").write_text("")
    after = make_xcodeproj.pbxproj(make_xcodeproj.app_files(tmp_path / "CatCam"))
    assert "Two.swift" in after and "Two.swift" not in before


def test_the_readme_lists_all_that_is_to_be_measured() -> None:
    """Every field that nobody has measured, and every trial that the debug menu offers."""
    listed = (SAMPLE / "README.md").read_text("utf-8").split("## To be measured on a device")[1]
    assert [u.field for u in UNMEASURED if f"- [ ] `{u.field}`" not in listed] == []
    trials = (SAMPLE / "CatCam/Pipeline/Trial.swift").read_text("utf-8")
    titles = re.findall(r'case \.(\w+): "([^"]+)"', trials)
    assert len(titles) == 8
    words = {"rotatedFit": "Rotate90CCW", "rotatedFill": "Rotate90CCW"}
    words |= {"turned": "Pixels turned", "mirrored": "Pixels turned"}
    named = [words.get(case, title) for case, title in titles if case != "none"]
    assert [n for n in named if n not in listed] == []


def test_every_stub_has_its_documentation() -> None:
    # Links to the app's own sources are not followed; what is the fakes' alone is `package`.
    stubs = sorted((SAMPLE / "stubs/Sources").rglob("*.swift"))
    assert len(stubs) >= 10 and not [p for p in stubs if "CatCam" in p.parts]
    bare = []
    for path in stubs:
        lines = path.read_text().splitlines()
        assert lines[0] == (
            "// Addresses are relative to https://developer.apple.com/documentation/"
        ), path.name
        for number, line in enumerate(lines, 1):
            declares = re.match(r"\s*(@\w+(\([^)]*\))? )*(public|open|nonisolated) ", line)
            if declares and not re.search(r"  // [a-z]+/[a-z0-9_/.():\-]+$", line):
                bare.append(f"{path.name}:{number}: {line.strip()}")
    assert bare == []


def test_stubs_are_not_in_the_app(project) -> None:  # type: ignore[no-untyped-def]
    assert not [p for p in paths(project).values() if "stubs" in p.parts]
