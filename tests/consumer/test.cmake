# Installs a build into a folder of its own, and builds and runs the project beside this file against that alone.
#
#   cmake -D BUILD=build -P tests/consumer/test.cmake
if(NOT BUILD)
  message(FATAL_ERROR "give the build's folder: -D BUILD=build")
endif()
cmake_path(ABSOLUTE_PATH BUILD NORMALIZE)
load_cache(${BUILD} READ_WITH_PREFIX built_ CMAKE_CXX_COMPILER CMAKE_CXX_FLAGS CMAKE_BUILD_TYPE CMAKE_GENERATOR
           CMAKE_HOME_DIRECTORY)
set(place ${BUILD}/consumer)
file(REMOVE_RECURSE ${place})

# Sets `output` to what the command prints; ends here when it fails.
function(run)
  execute_process(COMMAND ${ARGV} OUTPUT_VARIABLE out ERROR_VARIABLE out RESULT_VARIABLE result)
  if(result)
    list(JOIN ARGV " " command)
    message(FATAL_ERROR "${command}: ${result}\n${out}")
  endif()
  set(output ${out} PARENT_SCOPE)
endfunction()

function(expect text)
  if(NOT output MATCHES "${text}")
    message(FATAL_ERROR "wanted \"${text}\" in what was printed:\n${output}")
  endif()
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${place}/installed)

# What is installed must not lean on the folders that it came from.
file(GLOB_RECURSE texts ${place}/installed/*.cmake ${place}/installed/*.h)
foreach(text ${texts})
  file(STRINGS ${text} leaning REGEX "${built_CMAKE_HOME_DIRECTORY}/(src|include)|${BUILD}/src")
  if(leaning)
    message(FATAL_ERROR "${text} names a folder of the build: ${leaning}")
  endif()
endforeach()

# The compiler and its flags (a sanitizer's) must be those of the build.
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${place}/build -G ${built_CMAKE_GENERATOR}
    -D CMAKE_PREFIX_PATH=${place}/installed -D CMAKE_CXX_COMPILER=${built_CMAKE_CXX_COMPILER}
    -D CMAKE_BUILD_TYPE=${built_CMAKE_BUILD_TYPE} "-DCMAKE_CXX_FLAGS=${built_CMAKE_CXX_FLAGS}")
run(${CMAKE_COMMAND} --build ${place}/build)

run(${place}/build/consumer ${built_CMAKE_HOME_DIRECTORY}/tests/goldens/bert_small.safetensors ${place}/converted)
expect("bert TFBertForQuestionAnswering\n")
expect("\nloaded TFBertModel\n")
expect("\nwrote model.safetensors\nwrote tf_model.h5\n")
run(${place}/installed/bin/crossload list --markdown)
expect("\\| TFBertModel \\|")
message(STATUS "installed into ${place}/installed; a project built against it runs")
