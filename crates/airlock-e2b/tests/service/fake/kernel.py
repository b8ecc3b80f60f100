"""The code interpreter of a machine: a request a line comes in, messages go out, and what was defined stays."""

import ast
import contextlib
import io
import json
import os
import subprocess
import sys
import time
import traceback

messages = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def say(kind, **members):
    messages.write(json.dumps({"type": kind, **members}) + "\n")
    messages.flush()


class Stream(io.TextIOBase):
    def __init__(self, kind):
        self.kind = kind

    def write(self, text):
        if text:
            say(self.kind, text=text, timestamp=time.time_ns())
        return len(text)


def python(code, scope):
    tree = ast.parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<cell>", "exec"), scope)
    value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), scope) if last else None
    if value is not None:
        say("result", text=repr(value), html=f"<b>{value!r}</b>", is_main_result=True, extra=None)


def bash(code, _):
    done = subprocess.run(["/bin/sh", "-c", code], capture_output=True, text=True)
    for kind, text in [("stdout", done.stdout), ("stderr", done.stderr)]:
        Stream(kind).write(text)


scope = {"__name__": "__main__"}
for count, line in enumerate(sys.stdin, 1):
    request = json.loads(line)
    say("number_of_executions", execution_count=count)
    run = bash if request.get("language") == "bash" else python
    before = dict(os.environ)
    os.environ.update(request.get("env_vars") or {})
    with contextlib.redirect_stdout(Stream("stdout")), contextlib.redirect_stderr(Stream("stderr")):
        try:
            run(request["code"], scope)
        except BaseException as error:
            say("error", name=type(error).__name__, value=str(error), traceback=traceback.format_exc())
    os.environ.clear()
    os.environ.update(before)
    say("end_of_execution")
