"""For each request of the standard input: the operation it belongs to and what the vendor's description finds wrong.

    check.py FOLDER SPEC,SPEC < requests.jsonl      a line each: {"spec", "method", "template", "faults"}
"""
import json
import sys
from pathlib import Path

folder, names = Path(sys.argv[1]), sys.argv[2].split(",")
sys.dont_write_bytecode = True
sys.path.insert(0, str(folder))

from check_request import Spec, check  # noqa: E402

specs = {name: Spec(str(folder / name)) for name in names}
for line in sys.stdin:
    asked = json.loads(line)
    operation, faults = check(list(specs.values()), asked["method"], asked["url"], asked["headers"], asked["body"])
    found = {"faults": faults}
    if operation:
        found["spec"] = next(name for name, spec in specs.items() if spec is operation.spec)
        found["name"], found["template"] = operation.name, operation.template
    print(json.dumps(found))
