"""What autotrack knows about each library: one file or folder per framework, shipped as `autotrack.integrations`."""

if __name__ != "autotrack.integrations":
    raise ImportError("import 'autotrack.integrations', not 'integrations'")
