"""${message}."""

import sqlalchemy as sa
from alembic import op

from core import tables

% if imports:
${imports}
% endif
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
# Whether the program before this migration can go on after it: see docs/operation.md.
compatible = ${not any(word in (upgrades or "") for word in ("drop", "alter_column", "constraint"))}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
