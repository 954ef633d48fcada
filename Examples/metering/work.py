"""A step that reads and writes, one that computes and grows, one that packs: a little different for each order."""
import os, random, sys, time, zlib

kind = sys.argv[1]
chance = random.Random(os.environ["MILLRACE_ORDER"] + kind)
scale = chance.uniform(0.8, 1.3)


def compute(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(1000))


with open(os.environ["MILLRACE_OUTPUT"], "wb") as output:
    if kind == "ingest":
        for _ in range(int(20 * scale)):
            output.write(os.urandom(int(chance.uniform(1e6, 3e6))))
            output.flush()
            os.fsync(output.fileno())
            time.sleep(0.15)
    elif kind == "train":
        model = []
        for epoch in range(4):
            for _ in range(6):
                model.append(os.urandom(int(8e6 * scale)))
                compute(0.25 * scale)
            del model[-3:]
            time.sleep(0.6)
        output.write(b"model")
    else:
        for _ in range(int(10 * scale)):
            block = bytes(chance.choices(b"millrace ", k=400_000))
            output.write(zlib.compress(block, 9))
            time.sleep(0.1)
