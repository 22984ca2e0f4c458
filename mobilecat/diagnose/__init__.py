"""Name the coordinate bug from what the phone drew. The core is arithmetic on boxes."""

from mobilecat.diagnose.answer import Answer, diagnose
from mobilecat.diagnose.catalogue import BUGS, Bug
from mobilecat.diagnose.facts import Evidence, Facts, Scene
from mobilecat.diagnose.search import Suspect

__all__ = ["BUGS", "Answer", "Bug", "Evidence", "Facts", "Scene", "Suspect", "diagnose"]
