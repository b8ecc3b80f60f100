# Runs before the code of a call, and decides whether it may run: see payload.rs.
import hashlib, hmac, json, os, sys

def main():
    # The key came as a file, and what it vouches for by standard input.
    with open(sys.argv[1], "rb") as file:
        key = file.read()
    os.remove(sys.argv[1])
    tag, _, payload = sys.stdin.buffer.read().partition(b"\n")

    def sign(word, text=b""):
        return hmac.new(key, word + b"\0" + text, hashlib.sha256).hexdigest().encode()

    good = hmac.compare_digest(tag, sign(b"payload", payload))
    sys.stdout.buffer.write(sign(b"accepted" if good else b"refused") + b"\n")
    sys.stdout.buffer.flush()
    return json.loads(payload) if good else None

call = main()
del main
sys.argv[:] = [""]
if call is not None:
    exec(compile(call["code"], "<code>", "exec"), {"__name__": "__main__", "arguments": call["arguments"]})
