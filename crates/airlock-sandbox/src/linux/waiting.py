# Waits for a program on standard input and runs it as `python3 -I -` would, but for what can be done before the program is
# there: usual modules are imported and have been used, so that nothing is read or made for the first time later.
import atexit, collections, datetime, functools, gc, io, itertools, json, math, os, re, sys, threading, traceback, types


def rehearse():
    source = b"""
import json, re
class Thing:
    def __init__(self, name: str, *rest, **more): self.name = name
    def __repr__(self): return f"{self.name!r:>9} {len(self.name):03d}"
def numbers(most):
    for number in range(most):
        if number % 2: yield number
try:
    with io.StringIO() as text:
        things = [Thing(str(n)) for n in numbers(9)]
        print({t.name: repr(t) for t in things}, sorted(things, key=lambda t: t.name), file=text, flush=True)
        json.loads(json.dumps({"a": [1, 2.5, None, True], "b": text.getvalue()}))
        re.sub(r"[a-z]+(\\d)", r"\\1", "abc1"); "a,b".split(","), " x ".strip().upper(), b"x".decode()
        raise ValueError("rehearsed")
except ValueError as error:
    import_error = traceback.format_exception(error)
"""
    exec(compile(source, "<stdin>", "exec"), {"__name__": "rehearsal", "io": io, "traceback": traceback})


def run(source):
    main = types.ModuleType("__main__")
    main.__annotations__ = {}
    sys.modules["__main__"] = main
    sys.argv = ["-"]
    code = 0
    try:
        exec(compile(source, "<stdin>", "exec"), main.__dict__)
    except SystemExit as end:
        code = end.code
        if code is None:
            code = 0
        elif not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    except BaseException as error:
        # Not the lines of this file.
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        sys.excepthook(type(error), error, error.__traceback__)
        code = 130 if isinstance(error, KeyboardInterrupt) else 1
    return code


def finish(code):
    # What the interpreter does at its end, without taking itself apart.
    try:
        threading._shutdown()
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
    sys.modules["__main__"].__dict__.clear()
    for stream in [thing for thing in gc.get_objects() if isinstance(thing, io.IOBase)] + [sys.stderr]:
        try:
            stream.closed or stream.flush()
        except BaseException:
            pass
    try:
        sys.stdout is None or sys.stdout.closed or sys.stdout.flush()
    except BaseException:
        code = 120
    os._exit(code & 0xFF)


rehearse()
gc.collect()
# What is there now is not looked through again.
gc.freeze()
finish(run(sys.stdin.buffer.read()))
