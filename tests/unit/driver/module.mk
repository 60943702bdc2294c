# SPDX-License-Identifier: BSD-2-Clause
# libculvert against a card in the test's own process, and its vfio-user client against a hostile server.
DRIVER_T := tests/unit/driver
DRIVER_FAKE := $(DRIVER_T)/fake_card.c $(DRIVER_T)/driver_world.c
$(eval $(call c_test,test_driver_attach,$(DRIVER_T)/test_driver_attach.c $(DRIVER_FAKE) $(DRIVER_SRCS),$(DRIVER_LIBS) -lcmocka))
$(eval $(call c_test,test_driver_rings,$(DRIVER_T)/test_driver_rings.c $(DRIVER_FAKE) $(DRIVER_SRCS),$(DRIVER_LIBS) -lcmocka))
$(eval $(call c_test,test_vfio_user_client,$(DRIVER_T)/test_vfio_user_client.c $(DRIVER_SRCS),$(DRIVER_LIBS) -lcmocka -lpthread))
$(eval $(call c_test,test_driver_find,$(DRIVER_T)/test_driver_find.c $(DRIVER_SRCS) $(DRIVER_CLI_SRCS),$(DRIVER_LIBS) -lcmocka))
