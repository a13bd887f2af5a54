# Writes files of ROOT, named by FILES with commas, one after the other into OUT, each behind a line with its name.
string(REPLACE "," ";" files "${FILES}")
file(WRITE ${OUT} "")
foreach(name ${files})
  file(READ ${ROOT}/${name} text)
  file(APPEND ${OUT} "//file ${name}\n${text}")
endforeach()
