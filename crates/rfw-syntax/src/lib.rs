//! Words to abstract syntax: the command, restore and save grammar; knows no extension.
