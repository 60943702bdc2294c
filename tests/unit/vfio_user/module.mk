# SPDX-License-Identifier: BSD-2-Clause
$(eval $(call c_test,vfio_user,tests/unit/vfio_user/test_vfio_user.c sim/pcie/vfio_user_server.c,-lcmocka -ljansson))
$(eval $(call c_test,vfio_user_hostile,$(addprefix tests/unit/vfio_user/,server_test.c client.c) sim/pcie/vfio_user_server.c,-lcmocka -ljansson))
