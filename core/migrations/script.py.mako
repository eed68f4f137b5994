<%
    changes = upgrades or "pass"
    compatible = config.attributes.get("compatible")
    if compatible is None:
        compatible = not any(word in changes for word in ("drop", "alter_column", "constraint"))
%>\
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
compatible = ${compatible}


def upgrade() -> None:
    ${changes}
