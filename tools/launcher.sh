#!/bin/sh
# The command `spaf`, installed beside the Python of its environment. -I: no PYTHON* variable and no
# module of the current folder or the user's home counts; -X utf8: whatever the locale is. The locale
# itself decides how Python reads the path of the checkout, which is in a file of the environment.
export LC_ALL=C.UTF-8
here=$(PATH="/usr/bin:/bin:$PATH"; dirname "$(readlink -f "$0")")
exec "$here/python" -I -X utf8 -m spaf "$@"
