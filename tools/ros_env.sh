# The environment of a ROS process, for bash: `. tools/ros_env.sh`. DISTRO=kilted chooses the other build.
# For machines that got ROS from PyPI; with a ROS distribution, source its setup file and install/setup.bash instead.
# Repeating it changes nothing. With --without-workspace, only what pip installed is found.

_anyview_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || return
case ${DISTRO:-jazzy} in
  jazzy) _anyview_suffix= ;;
  *) _anyview_suffix=-$DISTRO ;;
esac
_anyview_venv=$_anyview_root/.venv$_anyview_suffix
_anyview_install=$_anyview_root/install$_anyview_suffix

if [ ! -x "$_anyview_venv/bin/python" ]; then
  echo "anyview_ros: $_anyview_venv is not there; run: make setup DISTRO=${DISTRO:-jazzy}" >&2
  return 1
fi
# What another distribution, or the other build, left behind would be found first.
unset PYTHONHOME PYTHONPATH LD_LIBRARY_PATH COLCON_PREFIX_PATH _ROS_WHEELS_BOOTSTRAP_COMPLETE
PATH=$(printf %s "$PATH" | tr : '\n' | grep -v "^$_anyview_root/" | paste -sd :)

export VIRTUAL_ENV=$_anyview_venv
export PATH=$_anyview_venv/bin:$PATH
export CMAKE_PREFIX_PATH=$_anyview_venv
export AMENT_PREFIX_PATH=$_anyview_venv
export ROS_DISTRO=${DISTRO:-jazzy}
export ROS_VERSION=2
export ROS_PYTHON_VERSION=3
export RMW_IMPLEMENTATION=rmw_fastrtps_cpp
# Robots want their own machine only, unless told otherwise.
export ROS_AUTOMATIC_DISCOVERY_RANGE=${ROS_AUTOMATIC_DISCOVERY_RANGE:-LOCALHOST}
# Fast DDS loses large best-effort images without it. Jazzy knows the old name only, Kilted warns of it.
_anyview_profile=${FASTDDS_DEFAULT_PROFILES_FILE:-${FASTRTPS_DEFAULT_PROFILES_FILE:-$_anyview_root/config/fastdds_large_images.xml}}
unset FASTDDS_DEFAULT_PROFILES_FILE FASTRTPS_DEFAULT_PROFILES_FILE
if [ "$ROS_DISTRO" = jazzy ]; then
  export FASTRTPS_DEFAULT_PROFILES_FILE=$_anyview_profile
else
  export FASTDDS_DEFAULT_PROFILES_FILE=$_anyview_profile
fi

if [ "${1:-}" != --without-workspace ] && [ -f "$_anyview_install/local_setup.bash" ]; then
  . "$_anyview_install/local_setup.bash"
  # `ros2 run` is not there: the command anyview, and the nodes, are found by their own names.
  export PATH=$_anyview_install/anyview_ros/lib/anyview_ros:$PATH
fi
unset _anyview_root _anyview_suffix _anyview_venv _anyview_install _anyview_profile
