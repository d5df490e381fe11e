"""The checks of all exercises. Each answers in one line:

    not attempted yet
    not there yet: the copy holds 0 of 1,142 rows
    done: another process finds all 1,142 rows in the copy

Each check gets your answer (a number, a set, a function that you wrote) and tries it under the real
condition: another process reads by name, the process dies, the disk is full. What exactly it tries stands
in its docstring, in the module of its lesson beside this file.
"""
# Each module names its checks in __all__; a name is used once in the whole series.
from checks.lesson_00 import *  # 00 Start here
from checks.lesson_01 import *  # 01 Use a temporary file
from checks.lesson_02 import *  # 02 Shape a CSV with DictWriter
from checks.lesson_03 import *  # 03 Meet the empty file
from checks.lesson_04 import *  # 04 Count the missing rows
from checks.lesson_05 import *  # 05 Look inside the buffer
from checks.lesson_06 import *  # 06 Lose nothing
from checks.lesson_08 import *  # 08 Recognise it elsewhere
from checks.lesson_09 import *  # 09 Case files
