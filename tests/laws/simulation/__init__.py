"""A world in virtual time, for the law that no declared record is created twice and no created ID is lost.

`loop` is time, `process` a run that can be killed or suspended, `upstream` the other side with its weather, `author`
what people declare, `world` all of them together, `laws` what must hold, and `schedule` what happens, from a seed.
"""
