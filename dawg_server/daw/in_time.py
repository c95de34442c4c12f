"""How entities lie in time: what a kind declares for what arranges the time line anew and for what follows tempi."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from dawg_server.daw.arranging import Stretch
    from dawg_server.daw.draft import Draft
    from dawg_server.daw.entity import Entity
    from dawg_server.daw.tempo_map import TempoMap

Along = Callable[["Entity", "Sequence[Stretch]"], "Entity"]
"""(an entity that lies all along the time line, stretches that go elsewhere): the fields that are different."""


class InTime(Protocol):
    """How entities of a kind lie in time, for what arranges it anew; all beats are quarters from the beginning."""

    @property
    def divisible(self) -> bool:
        """Whether two may take the place of one."""

    def spans(self, draft: Draft, entities: Sequence[Entity]) -> list[tuple[float, float]]:
        """The beats at which each of them begins and ends; all that there are, sorted as clients see them."""

    def moved(self, draft: Draft, entity: Entity, beat: float) -> Entity:
        """The fields that are different when it begins at `beat`."""

    def cut(self, draft: Draft, entity: Entity, beat: float) -> tuple[Entity, Entity]:
        """The fields that are different of what stays before `beat`, and of another such entity from there on."""


@dataclass(frozen=True, slots=True)
class InBeats:
    """By fields in beats; without `length` it is a place without extent."""

    start: str = "beat"
    length: str = ""
    divisible: bool = False

    def spans(self, draft: Draft, entities: Sequence[Entity]) -> list[tuple[float, float]]:
        if not self.length:
            return [(each[self.start], each[self.start]) for each in entities]
        begins = sorted({each[self.start] for each in entities})
        following = dict(zip(begins, [*begins[1:], math.inf], strict=False))  # there may be none
        return [
            (begin := each[self.start], following[begin] if each[self.length] is None else begin + each[self.length])
            for each in entities
        ]

    def moved(self, draft: Draft, entity: Entity, beat: float) -> Entity:
        return {self.start: beat}

    def cut(self, draft: Draft, entity: Entity, beat: float) -> tuple[Entity, Entity]:
        before, length = beat - entity[self.start], entity[self.length]
        return {self.length: before}, {self.start: beat, self.length: None if length is None else length - before}


class Units(Protocol):
    """How entities tell their places and lengths in beats and in seconds: one unit is their own, the other follows."""

    @property
    def names(self) -> frozenset[str]:
        """All fields that are in time, in either unit."""

    def derived(self, entity: Mapping[str, Any]) -> frozenset[str]:
        """Those of the fields that only follow from others."""

    def meant(self, asked: Mapping[str, Any], changed: Entity) -> Entity:
        """`changed`, what differs of what was `asked` for, without what only was sent along."""

    def settled(self, entity: Mapping[str, Any] | None, given: Mapping[str, Any], tempo: TempoMap) -> Entity:
        """All of them as they are after `given` has changed, which may be in either unit."""

    def upgraded(self, fields: Mapping[str, Any], entity: Mapping[str, Any], bpm: float) -> Entity:
        """Fields of the entity as an earlier release wrote them at that tempo, with what is its own today."""
