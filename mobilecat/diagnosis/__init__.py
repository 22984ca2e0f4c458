"""Name the coordinate bug from what the phone drew. The core is arithmetic on boxes."""

from mobilecat.diagnosis.answer import Answer, diagnose
from mobilecat.diagnosis.catalogue import BUGS, Bug
from mobilecat.diagnosis.facts import Evidence, Facts, Scene
from mobilecat.diagnosis.suspect import Suspect

__all__ = ["BUGS", "Answer", "Bug", "Evidence", "Facts", "Scene", "Suspect", "diagnose"]
