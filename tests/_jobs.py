"""Jobs for workers in processes of their own, which must be able to import them. Every bit of their values is known."""

import os
import time

import numpy as np

LANES = 8
unpacked = 0


def times_unpacked():
    return unpacked


class Job:
    """Row r of replicate i is i (r + 1) 7919 mod 1,000,003, over 997; every fiftieth replicate fails in row 1."""

    def __init__(self, rows=3, ballast=0, seconds=0.0):
        self.rows, self.ballast, self.seconds = rows, os.urandom(ballast), seconds

    def __setstate__(self, state):
        global unpacked
        unpacked += 1
        self.__dict__.update(state)

    def __call__(self, first, groups):
        time.sleep(self.seconds)
        number = np.arange(first, first + groups * LANES)
        values = (number * np.arange(1, self.rows + 1)[:, None] * 7919 % 1_000_003) / 997
        values[1, number % 50 == 0] = np.nan
        return values


class Fails(Job):
    def __call__(self, first, groups):
        if first <= 70 < first + groups * LANES:
            raise ZeroDivisionError("replicate 70")
        return super().__call__(first, groups)


class Dies(Job):
    def __call__(self, first, groups):
        if first <= 70 < first + groups * LANES:
            os._exit(9)
        return super().__call__(first, groups)
