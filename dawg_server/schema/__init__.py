"""What is taken from clients and models, declared once: strict values, sentences for people, JSON Schema for machines.

The fields are marshmallow's, so that apispec reads them. JSON values are taken as they are (`true` is no 1, "12" is no
12); only query strings and multipart fields, which know nothing but text, are parsed from it.
"""

from dawg_server.schema.base import AnyField as AnyField
from dawg_server.schema.base import Body as Body
from dawg_server.schema.base import Choice as Choice
from dawg_server.schema.base import Decibels as Decibels
from dawg_server.schema.base import Described as Described
from dawg_server.schema.base import Field as Field
from dawg_server.schema.base import Id as Id
from dawg_server.schema.base import Number as Number
from dawg_server.schema.base import Query as Query
from dawg_server.schema.base import Text as Text
from dawg_server.schema.base import Uuid as Uuid
from dawg_server.schema.base import camel as camel
from dawg_server.schema.base import load as load
from dawg_server.schema.base import spoken as spoken
from dawg_server.schema.field_errors import FieldError as FieldError
from dawg_server.schema.field_errors import ForeignId as ForeignId
from dawg_server.schema.parameters import Flag as Flag
from dawg_server.schema.parameters import Items as Items
from dawg_server.schema.parameters import JsonValue as JsonValue
from dawg_server.schema.parameters import OneNumber as OneNumber
from dawg_server.schema.parameters import Page as Page
from dawg_server.schema.parameters import Parameters as Parameters
from dawg_server.schema.parameters import Record as Record
from dawg_server.schema.parameters import parameters as parameters
from dawg_server.schema.spelt import ChordSymbol as ChordSymbol
from dawg_server.schema.spelt import Colour as Colour
from dawg_server.schema.spelt import Genre as Genre
from dawg_server.schema.spelt import Key as Key
from dawg_server.schema.spelt import TimeSignature as TimeSignature
