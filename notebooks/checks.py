"""The checks of all exercises. Each answers in one line:

    not attempted yet
    not there yet: the copy holds 0 of 1,142 rows
    done: another process finds all 1,142 rows in the copy

Each check gets your answer (a number, a set, a function that you wrote) and tries it under the real
condition: another process reads by name, the process dies, the disk is full. What exactly it tries stands
in its docstring, in the folder lesson_checks beside this file.
"""
# Each module names its checks in __all__; a name is used once in the whole series.
from lesson_checks.start_here import *  # 00 Start here
from lesson_checks.temporary_file import *  # 01 Use a temporary file
from lesson_checks.dictwriter import *  # 02 Shape a CSV with DictWriter
from lesson_checks.empty_file import *  # 03 Meet the empty file
from lesson_checks.missing_rows import *  # 04 Count the missing rows
from lesson_checks.inside_buffer import *  # 05 Look inside the buffer
from lesson_checks.lose_nothing import *  # 06 Lose nothing
from lesson_checks.elsewhere import *  # 07 Recognise it elsewhere
from lesson_checks.case_files import *  # 09 Case files
