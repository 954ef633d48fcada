import MillraceApp

await Millrace.start()
