"""A family's share of the time, the chance and the studio."""
import itertools
import random
import threading
import time


class Assignment:
    def __init__(self, studio, tally, seconds, seed, count):
        self.studio = studio
        self.tally = tally
        self.seconds = seconds
        self.seed = seed
        self.count = count      # tries at most; none: as many as the time allows
        self.until = time.monotonic() + seconds

    def random(self, number):
        """Returns the chance of one try: the same for a seed and a number."""
        return random.Random("%s %s %d" % (self.seed, self.tally.name, number))

    def is_over(self, number=0):
        if self.count is not None:
            return number >= self.count
        return time.monotonic() >= self.until

    def in_parallel(self, threads, work):
        """Calls `work(number, random)` in several threads until the assignment is over."""
        numbers = itertools.count()
        failures: "list[BaseException]" = []

        def loop():
            try:
                for number in numbers:
                    if failures or self.is_over(number):
                        return
                    work(number, self.random(number))
            except BaseException as failure:
                failures.append(failure)

        running = [threading.Thread(target=loop) for _ in range(threads)]
        for thread in running:
            thread.start()
        try:
            for thread in running:
                thread.join()
        except KeyboardInterrupt as failure:
            failures.append(failure)
            raise
        if failures:
            raise failures[0]
