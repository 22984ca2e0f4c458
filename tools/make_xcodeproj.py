"""Write ios_sample/CatCam.xcodeproj from what lies in ios_sample/CatCam. Same files, same bytes.

    python tools/make_xcodeproj.py [--check]

--check: write nothing; exit 1 where the project is not what would be written.
Format: Xcode's object model, objectVersion 56 (Xcode 14), written by the package pbxproj.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from pbxproj import XcodeProject

SAMPLE = Path(__file__).resolve().parents[1] / "ios_sample"
APP = "CatCam"
PROJECT = f"{APP}.xcodeproj"
# Whole folders that go into the app as they are; a source file in one is compiled as well.
FOLDERS = ("Model", "LandmarkModel")

Plist = str | list["Plist"] | dict[str, "Plist"]


def object_id(*path: str) -> str:
    """Return the 24 hex digits that stand for an object: a hash of what it is."""
    return hashlib.sha256("/".join(path).encode()).hexdigest()[:24].upper()


@dataclass(frozen=True)
class Files:
    """What lies in the app's folder, relative to it."""

    sources: tuple[str, ...]
    resources: tuple[str, ...]
    others: tuple[str, ...]


def app_files(app: Path) -> Files:
    """Return the app's files by what Xcode does with them."""
    sources = sorted(p.relative_to(app).as_posix() for p in app.rglob("*.swift"))
    # LandmarkModel's contract would be a second ModelContract: it is only carried along.
    sources = [s for s in sources if s != "LandmarkModel/ModelContract.swift"]
    return Files(tuple(sources), ("Assets.xcassets", *FOLDERS), ("Info.plist",))


class Project:
    """Objects by id, in the order they were added."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Plist]] = {}

    def add(self, isa: str, path: str, /, **fields: Plist) -> str:
        key = object_id(isa, path)
        assert key not in self.objects, (isa, path)
        self.objects[key] = {"isa": isa, **fields}
        return key


def _settings(**own: Plist) -> dict[str, Plist]:
    return {
        "IPHONEOS_DEPLOYMENT_TARGET": "16.0",
        "SDKROOT": "iphoneos",
        "SWIFT_VERSION": "5.0",
        "TARGETED_DEVICE_FAMILY": "1,2",
        "CLANG_ENABLE_OBJC_WEAK": "YES",
        "ENABLE_USER_SCRIPT_SANDBOXING": "YES",
        **own,
    }


def _configurations(project: Project, owner: str, settings: dict[str, Plist]) -> str:
    per_name: dict[str, dict[str, Plist]] = {
        "Debug": {"SWIFT_OPTIMIZATION_LEVEL": "-Onone", "ONLY_ACTIVE_ARCH": "YES"},
        "Release": {"SWIFT_COMPILATION_MODE": "wholemodule", "VALIDATE_PRODUCT": "YES"},
    }
    ids: list[Plist] = [
        project.add(
            "XCBuildConfiguration",
            f"{owner}/{name}",
            name=name,
            buildSettings={**settings, **(extra if owner == "project" else {})},
        )
        for name, extra in per_name.items()
    ]
    return project.add(
        "XCConfigurationList",
        owner,
        buildConfigurations=ids,
        defaultConfigurationIsVisible="0",
        defaultConfigurationName="Release",
    )


def _references(project: Project, files: Files) -> tuple[str, dict[str, str]]:
    """Return the app's group and each file's reference: groups as folders are."""
    references: dict[str, str] = {}
    groups: dict[str, list[Plist]] = {"": []}
    kinds = {
        ".swift": "sourcecode.swift",
        ".plist": "text.plist.xml",
        ".xcassets": "folder.assetcatalog",
    }
    for path in sorted({*files.sources, *files.resources, *files.others}):
        folder, _, name = path.rpartition("/")
        kind = kinds.get(Path(name).suffix, "folder")
        fields: dict[str, Plist] = {
            "lastKnownFileType": kind,
            "path": name,
            "sourceTree": "<group>",
        }
        if folder in FOLDERS:  # beside the folder reference, not in a group of its name
            fields["path"], fields["name"] = path, name
            folder = ""
        references[path] = project.add("PBXFileReference", path, **fields)
        groups.setdefault(folder, []).append(references[path])
    for folder in sorted(g for g in groups if g):
        assert "/" not in folder, folder
        group = project.add(
            "PBXGroup", folder, children=groups[folder], path=folder, sourceTree="<group>"
        )
        groups[""].append(group)
    app = project.add("PBXGroup", APP, children=groups[""], path=APP, sourceTree="<group>")
    return app, references


def _phase(project: Project, isa: str, entries: dict[str, dict[str, Plist]]) -> str:
    ids: list[Plist] = [
        project.add("PBXBuildFile", f"{isa}/{path}", **fields) for path, fields in entries.items()
    ]
    return project.add(
        isa, APP, buildActionMask="2147483647", files=ids, runOnlyForDeploymentPostprocessing="0"
    )


def make_project(files: Files) -> tuple[dict[str, dict[str, Plist]], str]:
    """Return the project's objects and the root object's id."""
    project = Project()
    group, references = _references(project, files)
    package = project.add(
        "XCLocalSwiftPackageReference", "MobileCatKit", relativePath="MobileCatKit"
    )
    kit = project.add(
        "XCSwiftPackageProductDependency",
        "MobileCatKit",
        package=package,
        productName="MobileCatKit",
    )
    product = project.add(
        "PBXFileReference",
        "product",
        explicitFileType="wrapper.application",
        includeInIndex="0",
        path=f"{APP}.app",
        sourceTree="BUILT_PRODUCTS_DIR",
    )
    products = project.add(
        "PBXGroup", "Products", children=[product], name="Products", sourceTree="<group>"
    )
    main = project.add("PBXGroup", "main", children=[group, products], sourceTree="<group>")
    phases: list[Plist] = [
        _phase(
            project, "PBXSourcesBuildPhase", {s: {"fileRef": references[s]} for s in files.sources}
        ),
        _phase(project, "PBXFrameworksBuildPhase", {"MobileCatKit": {"productRef": kit}}),
        _phase(
            project,
            "PBXResourcesBuildPhase",
            {r: {"fileRef": references[r]} for r in files.resources},
        ),
    ]
    target = project.add(
        "PBXNativeTarget",
        APP,
        name=APP,
        productName=APP,
        productType="com.apple.product-type.application",
        productReference=product,
        buildPhases=phases,
        buildRules=[],
        dependencies=[],
        packageProductDependencies=[kit],
        buildConfigurationList=_configurations(
            project,
            "target",
            {
                "ASSETCATALOG_COMPILER_APPICON_NAME": "AppIcon",
                "CODE_SIGN_STYLE": "Automatic",
                "INFOPLIST_FILE": f"{APP}/Info.plist",
                "LD_RUNPATH_SEARCH_PATHS": ["$(inherited)", "@executable_path/Frameworks"],
                "PRODUCT_BUNDLE_IDENTIFIER": "com.example.catcam",
                "PRODUCT_NAME": "$(TARGET_NAME)",
            },
        ),
    )
    root = project.add(
        "PBXProject",
        APP,
        attributes={"BuildIndependentTargetsInParallel": "1", "LastUpgradeCheck": "1500"},
        buildConfigurationList=_configurations(project, "project", _settings()),
        compatibilityVersion="Xcode 14.0",
        developmentRegion="en",
        hasScannedForEncodings="0",
        knownRegions=["en", "Base"],
        mainGroup=main,
        packageReferences=[package],
        productRefGroup=products,
        projectDirPath="",
        projectRoot="",
        targets=[target],
    )
    return project.objects, root


def pbxproj(files: Files) -> str:
    """Return project.pbxproj's text."""
    objects, root = make_project(files)
    document: dict[str, Plist] = {
        "archiveVersion": "1",
        "classes": {},
        "objectVersion": "56",
        "objects": {**objects},
        "rootObject": root,
    }
    return f"{XcodeProject(document)!r}\n"


def scheme() -> str:
    """Return the shared scheme: build and run the app."""
    reference = (
        f'<BuildableReference BuildableIdentifier="primary" '
        f'BlueprintIdentifier="{object_id("PBXNativeTarget", APP)}" BuildableName="{APP}.app" '
        f'BlueprintName="{APP}" ReferencedContainer="container:{PROJECT}"/>'
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Scheme LastUpgradeVersion="1500" version="1.7">
  <BuildAction parallelizeBuildables="YES" buildImplicitDependencies="YES">
    <BuildActionEntries>
      <BuildActionEntry buildForTesting="YES" buildForRunning="YES" buildForProfiling="YES" \
buildForArchiving="YES" buildForAnalyzing="YES">
        {reference}
      </BuildActionEntry>
    </BuildActionEntries>
  </BuildAction>
  <LaunchAction buildConfiguration="Debug" \
selectedDebuggerIdentifier="Xcode.DebuggerFoundation.Debugger.LLDB" \
selectedLauncherIdentifier="Xcode.DebuggerFoundation.Launcher.LLDB">
    <BuildableProductRunnable>
      {reference}
    </BuildableProductRunnable>
  </LaunchAction>
  <ProfileAction buildConfiguration="Release"/>
  <AnalyzeAction buildConfiguration="Debug"/>
  <ArchiveAction buildConfiguration="Release"/>
</Scheme>
"""


def project_files(sample: Path = SAMPLE) -> dict[str, str]:
    """Return every file of the project by its path in `sample`."""
    return {
        f"{PROJECT}/project.pbxproj": pbxproj(app_files(sample / APP)),
        f"{PROJECT}/xcshareddata/xcschemes/{APP}.xcscheme": scheme(),
    }


def main() -> int:
    stale = []
    for name, text in project_files().items():
        path = SAMPLE / name
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv[1:]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    if stale:
        print(f"{'differs' if '--check' in sys.argv[1:] else 'wrote'}: {', '.join(stale)}")
    return 1 if stale and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
