"""What all tables have in common."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from sqlalchemy import JSON, BigInteger, Double, MetaData, String
from sqlalchemy.orm import DeclarativeBase, mapped_column

Number = Annotated[int, mapped_column(BigInteger)]
Real = Annotated[float, mapped_column(Double)]
Short = Annotated[str, mapped_column(String(200))]
Json = Annotated[Any, mapped_column(JSON)]


class Base(DeclarativeBase):
    """Base of all tables; constraints have names, so that migrations can change them."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    """How constraints are named."""
