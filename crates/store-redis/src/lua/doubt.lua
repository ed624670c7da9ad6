-- Some use was counted elsewhere: the ledger has to be read once more.

turn()
books[DOUBTED] = 1
save()
return ''
