# SPDX-License-Identifier: BSD-2-Clause
$(eval $(call c_test,vfio_user,tests/unit/vfio_user/test_vfio_user.c sim/pcie/vfio_user_server.c,-lcmocka -ljansson))
