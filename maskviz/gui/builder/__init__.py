"""The builder: a network as a stack of rows, with forms made from the layers' own signatures."""
