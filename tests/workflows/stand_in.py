"""What stands in for programs that a workflow's steps call: `python -IS stand_in.py PROGRAM ARGUMENT...`.

`gh` is a small GitHub, kept as JSON in the folder STAND_IN; `curl` is who gives out tokens there; `sleep` waits for a
tick; `sg-audit` asks the test what to say. All write down what they were asked.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(os.environ["STAND_IN"])


def main(program: str, *words: str) -> int:
    stdin = sys.stdin.read() if program == "curl" else ""
    with (HERE / f"{program}.calls").open("a") as calls:
        calls.write(json.dumps({"words": words, "stdin": stdin}) + "\n")
    return {"gh": gh, "curl": curl, "sleep": sleep, "sg-audit": sg_audit}[program](list(words))


def gh(words: list[str]) -> int:
    if not os.environ.get("GH_TOKEN"):
        sys.exit("gh: no token")
    state = json.loads((HERE / "github.json").read_text())
    options, named = {}, {}
    rest = iter(words)
    places = []
    for word in rest:
        if word in ("-f", "-F"):
            name, _, value = next(rest).partition("=")
            is_file = word == "-F" and value.startswith("@")
            named[name] = Path(value[1:]).read_text() if is_file else value
        elif word in ("--silent", "--paginate"):
            options[word] = ""
        elif word.startswith("--"):
            options[word] = next(rest)
        else:
            places.append(word)
    answer = {"api": api, "run": run, "label": label}[places[0]](state, places[1:], options, named)
    (HERE / "github.json").write_text(json.dumps(state))
    if answer is None:
        return 1
    if "--jq" in options:
        done = subprocess.run(
            ["jq", "--raw-output", options["--jq"]], input=json.dumps(answer), text=True, capture_output=True
        )
        sys.stdout.write(done.stdout)
        sys.stderr.write(done.stderr)
        return done.returncode
    if "--silent" not in options:
        print(json.dumps(answer))
    return 0


def api(state: Any, places: list[str], options: dict[str, str], named: dict[str, str]) -> Any:
    path, _, query = places[0].partition("?")
    repository, *parts = path.removeprefix("repos/").split("/", 2)[1:] or [""]
    asked = dict(each.partition("=")[::2] for each in query.split("&") if each)
    match "/".join(parts).split("/"):
        case [""]:
            return {"visibility": state["visibility"]}
        case ["actions", "runs", number, "artifacts"]:
            held = state["artifacts"].get(number, {})
            return {"artifacts": [{"expired": held[asked["name"]]}] if asked["name"] in held else []}
        case ["labels", name]:
            return {} if name in state["labels"] else None
        case ["issues"] if options.get("--method") == "POST":
            assert named["labels[]"] in state["labels"], "GitHub drops a label that is not there"
            assert len(named["body"]) <= 65_536
            bot = {"login": "github-actions[bot]", "type": "Bot"}
            issue = {"title": named["title"], "body": named["body"], "labels": [named["labels[]"]]}
            state["issues"].append(
                {"number": len(state["issues"]) + 1, "state": "open", "user": bot, **issue}
            )
            return state["issues"][-1]
        case ["issues"]:
            return [
                each | {"labels": [{"name": name} for name in each["labels"]]}
                for each in state["issues"]
                if each["state"] == asked["state"] and asked["labels"] in each["labels"]
            ]
        case ["issues", number, "comments"] if options.get("--method") == "POST":
            assert len(named["body"]) <= 65_536
            state["issues"][int(number) - 1].setdefault("comments", []).append(named["body"])
            return {}
    sys.exit(f"gh: not known here: {places} in {repository}")


def run(state: Any, places: list[str], options: dict[str, str], named: dict[str, str]) -> Any:
    if places[0] == "list":
        wanted = {"workflow": "--workflow", "branch": "--branch", "status": "--status"}
        return [
            each for each in state["runs"] if all(each[key] == options[name] for key, name in wanted.items())
        ]
    source = HERE / "artifacts" / places[1] / options["--name"]
    shutil.copytree(source, options["--dir"], dirs_exist_ok=True)
    return {}


def label(state: Any, places: list[str], options: dict[str, str], named: dict[str, str]) -> Any:
    state["labels"].append(places[1])
    return {}


def curl(words: list[str]) -> int:
    count = len((HERE / "curl.calls").read_text().splitlines())
    print(json.dumps({"value": f"token-{count}"}))
    return 0


def sleep(words: list[str]) -> int:
    with (HERE / "ticks").open() as ticks:  # a FIFO
        return 0 if ticks.read(1) else 1


def sg_audit(words: list[str]) -> int:
    asked = {"words": words, "cwd": str(Path.cwd()), "env": dict(os.environ)}
    with socket.create_connection(("127.0.0.1", int(os.environ["SG_AUDIT_PORT"]))) as test:
        test.sendall(json.dumps(asked).encode() + b"\n")
        with test.makefile() as answers:
            answer = json.loads(answers.readline())
    sys.stdout.write(answer["out"])
    sys.stderr.write(answer["err"])
    return int(answer["code"])


sys.exit(main(*sys.argv[1:]))
