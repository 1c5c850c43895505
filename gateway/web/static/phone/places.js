/** Where things stand in the GATT tables of recorders, and which devices the browser may show. */

/** PROTOCOL.md §14.1. */
export const NATIVE = 'fb3e0001-18e2-4295-845c-72917bf3d25b';

const adopted = (number) => `0000${number.toString(16).padStart(4, '0')}-0000-1000-8000-00805f9b34fb`;
const bota = (service) => `b07a${service.toString(16).padStart(4, '0')}-0000-1000-8000-00805f9b34fb`;

const BOTA = [2, 3, 4, 5, 6, 7].map(bota);
const BOTA_COMPANY = 0xb07a;

/** What `requestDevice` is asked for: Bota recorders do not always advertise their services. */
export const CHOICE = {
  filters: [
    { services: [NATIVE] },
    { namePrefix: 'Bota' },
    { manufacturerData: [{ companyIdentifier: BOTA_COMPANY }] },
    ...BOTA.map((service) => ({ services: [service] })),
  ],
  optionalServices: [NATIVE, ...BOTA, adopted(0x180a), adopted(0x180f)],
};

/** Tell from its services what a device is: "native", "bota", or null for neither. */
export function kindOf(services) {
  if (services.includes(NATIVE)) return 'native';
  return services.some((service) => BOTA.includes(service)) ? 'bota' : null;
}
