"""The tests: what each file promises stands in its first line."""
import sys

# Importing nbformat makes jsonschema build a grammar of international web addresses, which takes a second in every
# process, and nobody here checks an address. Without the module, jsonschema leaves that one format unchecked.
sys.modules.setdefault("rfc3987_syntax", None)
