"""What Alembic runs around the migrations; core.migrations hands in the connection."""

from alembic import context

given = context.config.attributes
context.configure(
    connection=given["connection"],
    target_metadata=given["metadata"],
    render_item=given["render_item"],
    on_version_apply=given["applied"],
    include_object=given["include_object"],
    process_revision_directives=given["process_revision_directives"],
    render_as_batch=given["connection"].dialect.name == "sqlite",  # it can't alter most things
)
with context.begin_transaction():
    context.run_migrations()
